"""Commands for gates: list, show, waivers, waive, unwaive."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import Any

import click
from rich.table import Table

from headgate import postgres
from headgate.cli.console import tables
from headgate.cli.deciding import decide, json_option, reason_option, yes_option
from headgate.decisions import log, reports
from headgate.decisions import waivers as waiving
from headgate.decisions.waivers import Verb
from headgate.gates import results
from headgate.gates.results import GateResult
from headgate.gates.waivers import waivers
from headgate.gates.ways_out import ways_out
from headgate.postgres.working import with_connection
from headgate.report import began, number_of
from headgate.report import table as lines_of
from headgate.settings import load_settings

#: Columns that fit beside each other on a terminal.
SIDE_BY_SIDE = 6
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "error": "red"}


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def gates(context: click.Context, as_json: bool) -> None:
    """Show gate results and the rows that failed; let a gate pass for one load."""
    if context.invoked_subcommand is None:
        context.invoke(list_gates, as_json=as_json)


@gates.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_gates(as_json: bool) -> None:
    """List the latest result of every gate, failures first."""
    found = asyncio.run(_latest())
    if as_json:
        click.echo(json.dumps([result.as_dict() for result in found], indent=2))
        return
    table = Table("gate", "model", "status", "rows", "ran at (UTC)", box=None, pad_edge=False)
    for result in found:
        table.add_row(
            result.gate,
            result.model or "",
            f"[{STYLES.get(result.status, 'default')}]{result.status}[/]{_waived(result)}",
            "" if result.failures is None else str(result.failures),
            f"{result.ran_at:%Y-%m-%d %H:%M:%S}",
        )
    console = tables()
    console.print(table if found else "No gate has run yet.")
    failed = sum(result.failed for result in found)
    console.print(f"{number_of(len(found), 'gate')}, {failed} failed", highlight=False)


@gates.command("show")
@click.argument("gate")
@click.option("--limit", default=20, show_default=True, help="Maximum number of rows to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_gate(gate: str, limit: int, as_json: bool) -> None:
    """Show the rows stored when GATE last failed or warned, and the ways out."""
    result, rows, ways = asyncio.run(_failure(gate, limit))
    if as_json:
        found = {"result": result and result.as_dict(), "rows": rows, "ways_out": ways}
        click.echo(json.dumps(found, indent=2))
        return
    if result is None:
        click.echo(f"gate {gate} never failed nor warned")
        return
    click.echo(f"{result.sentence()} at {result.ran_at:%Y-%m-%d %H:%M:%S} UTC (run {result.run_id})")
    if result.status == "error":
        return
    tables().print(rows_table(rows) if rows else "No rows were kept.")
    if result.failures is not None and result.failures > len(rows):
        click.echo(f"{len(rows)} of {result.failures} rows shown")
    if ways:
        click.echo(
            "\n".join(["", "Ways out (docs/operating.md, when a gate fails)", *(f"  {way}" for way in ways)])
        )


@gates.command("waivers")
@json_option
def list_waivers(as_json: bool) -> None:
    """List the gates that are waived, for which load, by whom and why."""
    found = with_connection(load_settings(), waivers)
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=2))
        return
    rows = [
        (
            one.gate,
            one.load_id,
            f"{one.source} {began(one.partition_start):%Y-%m-%dT%H:%M}",
            "in force" if one.is_in_force else "the load is gone",
            f"{one.actor}, {one.decided_at:%Y-%m-%d %H:%M}: {one.reason}",
        )
        for one in found
    ]
    heading = ("gate", "load", "partition", "state", "decided (UTC)")
    click.echo("\n".join(lines_of(heading, rows)) if rows else "No gate is waived.")


@gates.command("waive")
@click.argument("gate")
@click.option("--load", "load_id", type=int, required=True, help="Load to waive the gate for.")
@reason_option
@yes_option
@json_option
def waive(gate: str, load_id: int, reason: str | None, yes: bool, as_json: bool) -> None:
    """Waive GATE for one load; it still stops for every other."""
    _change("waive", gate, load_id, reason, yes=yes, as_json=as_json)


@gates.command("unwaive")
@click.argument("gate")
@click.option("--load", "load_id", type=int, required=True, help="Load that the gate is waived for.")
@reason_option
@yes_option
@json_option
def unwaive(gate: str, load_id: int, reason: str | None, yes: bool, as_json: bool) -> None:
    """Take back a waiver: GATE stops for the load again."""
    _change("unwaive", gate, load_id, reason, yes=yes, as_json=as_json)


def _change(verb: Verb, gate: str, load_id: int, reason: str | None, *, yes: bool, as_json: bool) -> None:
    command = f"headgate gates {verb} {gate} --load {load_id}"
    why = log.require_reason(command, reason)
    decide(
        lambda connection: waiving.plan(connection, verb, gate, load_id),
        lambda connection: waiving.carry_out(connection, verb, gate, load_id, why),
        lambda change, done: reports.of_waiver(change, why, done=done),
        command=f"{command} --reason {shlex.quote(why)}",
        yes=yes,
        as_json=as_json,
    )


def _waived(result: GateResult) -> str:
    loads = ", ".join(map(str, result.waived_loads))
    return f", waived for load {loads}" if loads else ""


def rows_table(rows: list[dict[str, Any]]) -> Table:
    """Failing rows as a table, nested values as JSON; upright when there are too many columns."""
    if max(len(row) for row in rows) > SIDE_BY_SIDE:
        table = Table("row", "column", "value", box=None, pad_edge=False)
        for number, row in enumerate(rows, 1):
            for column, value in row.items():
                table.add_row(str(number), column, _cell(value))
        return table
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "[dim]null[/dim]"
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("[", "\\[")


async def _latest() -> list[GateResult]:
    connection = await postgres.connect(load_settings())
    try:
        return await results.latest(connection)
    finally:
        await connection.close()


async def _failure(gate: str, limit: int) -> tuple[GateResult | None, list[dict[str, Any]], list[str]]:
    connection = await postgres.connect(load_settings())
    try:
        result = await results.newest_finding(connection, gate)
        rows = await results.failed_rows(connection, result, limit) if result else []
        ways = await ways_out(connection, result) if result else []
    finally:
        await connection.close()
    return result, rows, ways
