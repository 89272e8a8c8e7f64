"""Commands for quarantined records: list, show, accept, discard, reopen."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import click

from headgate.cli.deciding import decide, json_option, reason_option, source_argument, yes_option
from headgate.decisions import log, reports
from headgate.decisions import quarantine as deciding
from headgate.decisions.quarantine import Selection, Verb
from headgate.postgres.working import with_connection
from headgate.report import began, table
from headgate.settings import load_settings
from headgate.sources import get_source

#: How much of the reasons of a group is listed.
WIDTH = 100


@click.group()
def quarantine() -> None:
    """List the records that break their contract; accept or discard them, so that builds go on."""


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that choose records of a load."""
    for option in (
        click.option("--type", "record_type", help="Only records of this type."),
        click.option("--matching", metavar="TEXT", help="Only records with a reason that contains TEXT."),
        click.option("--line", "lines", type=int, multiple=True, help="Only this line; can be repeated."),
    ):
        command = option(command)
    return command


@quarantine.command("list")
@source_argument
@click.option("--load", "load_id", type=int, help="Only records of this load.")
@selecting
@json_option
def list_records(
    source: str | None,
    load_id: int | None,
    lines: tuple[int, ...],
    matching: str | None,
    record_type: str | None,
    as_json: bool,
) -> None:
    """List the quarantined records of SOURCE, or of all sources, by load, record type and reason."""
    contract_source = get_source(source).contract[0] if source is not None else None
    selection = Selection(lines=lines, matching=matching, record_type=record_type)
    found = with_connection(
        load_settings(),
        lambda connection: deciding.groups(connection, contract_source, load_id, selection),
    )
    if as_json:
        click.echo(json.dumps(found, indent=2, default=_json))
        return
    rows = [
        (
            row["load_id"],
            row["source"],
            f"{began(row['partition_start']):%Y-%m-%dT%H:%M}",
            row["record_type"],
            row["records"],
            row["state"],
            row["first_line"],
            _cut("; ".join(row["reasons"])),
        )
        for row in found
    ]
    heading = ("load", "source", "partition", "type", "records", "state", "first line", "reasons")
    click.echo("\n".join(table(heading, rows)) if rows else "Nothing is quarantined.")


@quarantine.command("show")
@click.option("--load", "load_id", type=int, required=True, help="Load that the record came with.")
@click.option("--line", type=int, required=True, help="Line of the record in that load.")
@json_option
def show_record(load_id: int, line: int, as_json: bool) -> None:
    """Show one quarantined record, whole, with its reasons and decisions."""
    found = with_connection(load_settings(), lambda connection: deciding.one(connection, load_id, line))
    if as_json:
        click.echo(json.dumps(found, indent=2, default=_json))
        return
    decided = (
        f"{found['decision']}: {found['decision_reason']} ({found['actor']})" if found["decision"] else "open"
    )
    click.echo(
        "\n".join(
            [
                f"load {load_id}, line {line}, {found['record_type'] or 'no type'}, {decided}",
                *found["reasons"],
                json.dumps(found["record"], indent=2, ensure_ascii=False),
            ]
        )
    )


@quarantine.command("accept")
@click.option("--load", "load_id", type=int, required=True, help="Load that the records came with.")
@selecting
@reason_option
@yes_option
@json_option
def accept(load_id: int, **options: Any) -> None:
    """Accept quarantined records of a load: they stay quarantined, untyped, and stop no gate."""
    _change("accept", load_id, **options)


@quarantine.command("discard")
@click.option("--load", "load_id", type=int, required=True, help="Load that the records came with.")
@selecting
@reason_option
@yes_option
@json_option
def discard(load_id: int, **options: Any) -> None:
    """Discard quarantined records of a load: kept raw, counted as discarded, never typed."""
    _change("discard", load_id, **options)


@quarantine.command("reopen")
@click.option("--load", "load_id", type=int, required=True, help="Load that the records came with.")
@selecting
@reason_option
@yes_option
@json_option
def reopen(load_id: int, **options: Any) -> None:
    """Take back decisions on records of a load."""
    _change("reopen", load_id, **options)


def _change(
    verb: Verb,
    load_id: int,
    *,
    lines: tuple[int, ...],
    matching: str | None,
    record_type: str | None,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    command = f"headgate quarantine {verb} --load {load_id}"
    why = log.require_reason(command, reason)
    selection = Selection(lines=lines, matching=matching, record_type=record_type)
    decide(
        lambda connection: deciding.plan(connection, verb, load_id, selection),
        lambda connection: deciding.carry_out(connection, verb, load_id, selection, why),
        lambda change, done: reports.of_records(change, why, done=done),
        command=shlex.join(
            [*command.split(), *_typed(lines, matching, record_type), "--reason", why],
        ),
        yes=yes,
        as_json=as_json,
    )


def _typed(lines: tuple[int, ...], matching: str | None, record_type: str | None) -> list[str]:
    """The options that chose records, as they are typed."""
    words = [word for line in lines for word in ("--line", str(line))]
    for option, value in (("--matching", matching), ("--type", record_type)):
        words += [option, value] if value else []
    return words


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _json(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
