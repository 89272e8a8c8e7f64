"""Commands for loads: list, show, discard, restore, expire."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

import click

from headgate.cli.deciding import decide, json_option, reason_option, source_argument, yes_option
from headgate.decisions import loads as discarding
from headgate.decisions import log, reports, retention
from headgate.decisions.loads import Verb
from headgate.decisions.log import Decision
from headgate.decisions.radius import Load, Radius, radius_of, read_load
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import began, table
from headgate.settings import load_settings

STATUSES = click.Choice(["running", "open", "landed", "discarded", "replaced", "failed"])


@click.group()
def loads() -> None:
    """List the loads, show one, discard one that must not count, restore it, or remove old records."""


@loads.command("list")
@source_argument
@click.option("--status", type=STATUSES, help="Only with this status.")
@click.option("--limit", default=50, show_default=True, help="Maximum number to list, newest first.")
@json_option
def list_loads(source: str | None, status: str | None, limit: int, as_json: bool) -> None:
    """List loads of SOURCE (or under its contract), or of all; newest first, and who discarded which."""
    found = with_connection(
        load_settings(), lambda connection: discarding.listed(connection, source, status, limit)
    )
    if as_json:
        click.echo(json.dumps(found, indent=2, default=_json))
        return
    lines = table(
        ("load", "source", "partition", "status", "landed", "rejects", "decided"),
        [
            (
                row["load_id"],
                f"{row['source']}.{row['entity']}",
                f"{began(row['partition_start']):%Y-%m-%dT%H:%M}",
                row["status"],
                row["rows_landed"],
                row["rows_rejected"],
                f"{row['actor']}: {row['reason']}" if row["reason"] else "",
            )
            for row in found
        ],
    )
    click.echo("\n".join(lines) if found else "No load is like that.")


@loads.command("show")
@click.argument("load_id", metavar="LOAD", type=int)
@json_option
def show_load(load_id: int, as_json: bool) -> None:
    """Show one LOAD: what was built from it, releases that hold it, decisions."""

    async def work(connection: Connection) -> tuple[Load, Radius, list[Decision]]:
        load = await read_load(connection, load_id)
        return load, await radius_of(connection, load), await log.of_load(connection, load_id)

    load, radius, decisions = with_connection(load_settings(), work)
    if as_json:
        described = {
            **load.as_dict(),
            **radius.as_dict(),
            "decisions": [one.as_dict() for one in decisions],
        }
        click.echo(json.dumps(described, indent=2))
        return
    click.echo("\n".join(_shown(load, radius, decisions)))


def _shown(load: Load, radius: Radius, decisions: list[Decision]) -> list[str]:
    finished = f"{load.finished_at:%Y-%m-%d %H:%M:%S} UTC" if load.finished_at else "-"
    lines = [
        load.title,
        f"status    {load.status}, finished {finished}",
        *([f"removed   {load.expired_at:%Y-%m-%d %H:%M} UTC, by retention"] if load.expired_at else []),
        f"from      {load.uri}",
        f"records   {load.rows_landed or 0:,} landed, {load.rows_rejected or 0:,} rejected",
        *([f"          headgate rejects list --load {load.load_id}"] if load.rows_rejected else []),
        *(f"          {line}" for line in reports.radius_lines(radius)),
    ]
    if decisions:
        lines += ["", "Decisions"]
    for one in decisions:
        about = f" {one.gate}" if one.gate else f" ({one.records:,})" if one.records is not None else ""
        lines.append(f"  {one.action}{about}, {one.sentence()}")
    return lines


@loads.command("discard")
@click.argument("load_id", metavar="LOAD", type=int)
@reason_option
@yes_option
@json_option
def discard_load(load_id: int, reason: str | None, yes: bool, as_json: bool) -> None:
    """Discard LOAD: the next build empties its partition. Its raw records stay."""
    _change("discard", load_id, reason, yes=yes, as_json=as_json)


@loads.command("restore")
@click.argument("load_id", metavar="LOAD", type=int)
@reason_option
@yes_option
@json_option
def restore_load(load_id: int, reason: str | None, yes: bool, as_json: bool) -> None:
    """Restore a discarded LOAD: the next build types it."""
    _change("restore", load_id, reason, yes=yes, as_json=as_json)


@loads.command("expire")
@yes_option
@json_option
def expire_loads(yes: bool, as_json: bool) -> None:
    """Remove records, raw and typed, that are older than their source's `retention`."""
    project = load_settings().project_dir
    decide(
        lambda connection: retention.plan(connection, project),
        lambda connection: retention.carry_out(connection, project),
        lambda expiry, done: reports.of_expiry(expiry, done=done),
        command="headgate loads expire",
        yes=yes,
        as_json=as_json,
    )


def _change(verb: Verb, load_id: int, reason: str | None, *, yes: bool, as_json: bool) -> None:
    command = f"headgate loads {verb} {load_id}"
    why = log.require_reason(command, reason)
    decide(
        lambda connection: discarding.plan(connection, verb, load_id),
        lambda connection: discarding.carry_out(connection, verb, load_id, why),
        lambda change, done: reports.of_load(change, why, done=done),
        command=f"{command} --reason {shlex.quote(why)}",
        yes=yes,
        as_json=as_json,
    )


def _json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
