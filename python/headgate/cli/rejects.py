"""Commands for lines that were rejected or repaired: list, show, minimise."""

from __future__ import annotations

import json

import click

from headgate.cli.deciding import json_option, source_argument, yes_option
from headgate.errors import ConfirmationRequired
from headgate.landing import rejects as kept
from headgate.landing.rejects import Minimised
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import number_of, table
from headgate.settings import load_settings


@click.group()
def rejects() -> None:
    """List lines that were rejected or repaired, show one, or minimise those that hold personal data."""


@rejects.command("list")
@source_argument
@click.option("--load", "load_id", type=int, help="Only lines of this load.")
@click.option("--limit", default=50, show_default=True, help="Maximum number to list, newest load first.")
@json_option
def list_rejects(source: str | None, load_id: int | None, limit: int, as_json: bool) -> None:
    """List lines of SOURCE, or of all sources, with reason and length; not what they hold."""
    found = with_connection(
        load_settings(), lambda connection: kept.listed(connection, load_id, source, limit)
    )
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    columns = ("load_id", "source", "line_number", "what", "reason", "stored_as", "line_bytes", "line_hmac")
    headings = ("load", "source", "line", "was", "reason", "stored as", "bytes", "keyed hash")
    lines = table(headings, [[row[column] for column in columns] for row in found])
    click.echo("\n".join(lines) if found else "No line was rejected or repaired.")


@rejects.command("show")
@click.argument("load_id", metavar="LOAD", type=int)
@click.argument("line_number", metavar="LINE", type=int)
def show_reject(load_id: int, line_number: int) -> None:
    """Print a LINE of a LOAD as it is stored; an encrypted one is decrypted."""
    settings = load_settings()
    line = with_connection(settings, lambda connection: kept.read(settings, connection, load_id, line_number))
    click.get_binary_stream("stdout").write(line + b"\n")


@rejects.command("minimise")
@yes_option
@json_option
def minimise_rejects(yes: bool, as_json: bool) -> None:
    """Apply the current contracts to lines that earlier loads kept verbatim."""
    settings = load_settings()

    async def work(connection: Connection) -> Minimised:
        planned = await kept.plan(settings, connection)
        if yes and planned.lines:
            await kept.minimise(settings, connection, planned.lines)
        return planned

    planned = with_connection(settings, work)
    done = yes and bool(planned.lines)
    if as_json:
        told = {"lines": dict(planned.lines), "unknown": planned.unknown, "done": done}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(_minimised(planned, done=done)))
    if planned.lines and not yes:
        raise ConfirmationRequired(
            "headgate rejects minimise",
            expected="a confirmation",
            found="none; nothing was changed. Lines that are dropped do not come back",
            next_step="headgate rejects minimise --yes",
        )


def _minimised(planned: Minimised, *, done: bool) -> list[str]:
    verb = "minimised" if done else "to minimise"
    lines = [
        f"{source}: {number_of(count, 'line')} {verb}" for source, count in sorted(planned.lines.items())
    ]
    lines += [
        f"{source}: no contract in the project; its lines stay as they are" for source in planned.unknown
    ]
    return lines or ["Nothing to minimise: no line is kept that its contract would not keep."]
