"""Commands for gates: gates list, gates show."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click
from rich.table import Table

from headgate import postgres
from headgate.cli.console import tables
from headgate.gates import results
from headgate.gates.results import GateResult
from headgate.settings import load_settings

#: Columns that fit beside each other on a terminal.
SIDE_BY_SIDE = 6
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "error": "red"}


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def gates(context: click.Context, as_json: bool) -> None:
    """Show gate results and the rows that failed."""
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
            f"[{STYLES.get(result.status, 'default')}]{result.status}",
            "" if result.failures is None else str(result.failures),
            f"{result.ran_at:%Y-%m-%d %H:%M:%S}",
        )
    console = tables()
    console.print(table if found else "No gate has run yet.")
    failed = sum(result.failed for result in found)
    console.print(f"{len(found)} gates, {failed} failed", highlight=False)


@gates.command("show")
@click.argument("gate")
@click.option("--limit", default=20, show_default=True, help="Maximum number of rows to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_gate(gate: str, limit: int, as_json: bool) -> None:
    """Show the rows stored when GATE last failed or warned."""
    result, rows = asyncio.run(_failure(gate, limit))
    if as_json:
        click.echo(json.dumps({"result": result and result.as_dict(), "rows": rows}, indent=2))
        return
    if result is None:
        click.echo(f"gate {gate} never failed nor warned")
        return
    click.echo(f"{result.sentence()} at {result.ran_at:%Y-%m-%d %H:%M:%S} UTC (run {result.run_id})")
    tables().print(rows_table(rows) if rows else "No rows were kept.")
    if result.failures is not None and result.failures > len(rows):
        click.echo(f"{len(rows)} of {result.failures} rows shown")


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


async def _failure(gate: str, limit: int) -> tuple[GateResult | None, list[dict[str, Any]]]:
    connection = await postgres.connect(load_settings())
    try:
        result = await results.newest_finding(connection, gate)
        rows = await results.failed_rows(connection, result, limit) if result else []
    finally:
        await connection.close()
    return result, rows
