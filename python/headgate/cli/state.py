"""`headgate state`: how far sources that are read step by step have been read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import click

from headgate.cli.deciding import require_confirmation, tell
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.pulling import positions
from headgate.pulling.positions import Position
from headgate.pulling.state import alone
from headgate.report import Report, number_of, table
from headgate.settings import load_settings


@click.group()
def state() -> None:
    """Show or reset how far sources have been read: tables of other databases, APIs."""


@state.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_positions(as_json: bool) -> None:
    """List where each source stands."""
    found = with_connection(load_settings(), positions.positions)
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=2))
        return
    rows = [(one.source, one.origin, one.place, f"{one.noted_at:%Y-%m-%d %H:%M:%S}") for one in found]
    lines = table(("source", "read from", "read up to", "noted (UTC)"), rows)
    click.echo("\n".join(lines) if rows else "No source has been read step by step yet.")


@state.command()
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(source: str, as_json: bool) -> None:
    """Show where SOURCE stands, what that was read from, and earlier positions that can come back."""

    async def work(connection: Connection) -> tuple[list[Position], list[Position]]:
        earlier = await positions.put_aside_positions(connection, source)
        present = await positions.positions(connection, source)
        return present or ([] if earlier else [await positions.present_position(connection, source)]), earlier

    present, earlier = with_connection(load_settings(), work)
    if as_json:
        position = present[0].as_dict() if present else None
        found = {"position": position, "earlier": [one.as_dict() for one in earlier]}
        click.echo(json.dumps(found, indent=2))
        return
    lines = _described(present[0]) if present else [f"{source} is read from the beginning by the next pull."]
    if earlier:
        rows = [
            (one.place, f"{one.kept_at:%Y-%m-%d %H:%M:%S}", one.kept_by, one.reason, one.origin)
            for one in earlier
        ]
        lines += ["", *table(("earlier position", "put aside (UTC)", "by", "why", "read from"), rows)]
    click.echo("\n".join(lines))


@state.command()
@click.argument("source")
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
def reset(source: str, yes: bool) -> None:
    """Reset SOURCE: the next pull reads from the beginning."""

    async def work(connection: Connection) -> Report:
        present = await positions.present_position(connection, source)
        if yes:
            async with alone(connection, present):
                await positions.reset(connection, source)
        return _of_reset(present, await _landed(connection, source), done=yes)

    _carry_out(work, f"reset {source}", yes=yes)


@state.command()
@click.argument("source")
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
def keep(source: str, yes: bool) -> None:
    """Keep the position of SOURCE although its loader changed; the next pull continues there."""

    async def work(connection: Connection) -> Report:
        present = await positions.present_position(connection, source)
        if yes:
            async with alone(connection, present):
                await positions.keep(connection, source)
        return _of_keep(present, done=yes)

    _carry_out(work, f"keep {source}", yes=yes)


@state.command()
@click.argument("source")
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
def undo(source: str, yes: bool) -> None:
    """Restore the position of SOURCE that a reset or a changed loader last set aside."""

    async def work(connection: Connection) -> Report:
        last = await positions.last_put_aside(connection, source)
        present = await positions.positions(connection, source)
        if yes:
            async with alone(connection, last):
                await positions.undo(connection, source)
        return _of_undo(last, present[0] if present else None, done=yes)

    _carry_out(work, f"undo {source}", yes=yes)


def _carry_out(work: Callable[[Connection], Awaitable[Report]], words: str, *, yes: bool) -> None:
    """Prints the plan of a command, or what it did; refuses what was not confirmed."""
    settings = load_settings()
    tell(settings, with_connection(settings, work))
    require_confirmation(f"headgate state {words}", yes=yes)


def _of_reset(present: Position, landed: int, *, done: bool) -> Report:
    source = present.source
    return Report(
        verb="state-reset",
        title=f"{source} {'is' if done else 'would be'} read from the beginning by the next pull",
        plan=[f"Put the position of {source} aside: {present.place}, of {present.origin}."],
        design=["One transaction, while no pull of the source runs. Nothing that has landed is touched."],
        changes=[
            f"The next pull reads everything; {number_of(landed, 'record')} landed so far.",
            "Rows of a table that have landed land again, each as one more delivery of its record. Of an",
            "API, records that come again unchanged are recognised and not landed again.",
            f"Put aside with it: {present.remembered_rows:,} row versions of the window and "
            f"{present.watched_keys:,} watched keys; keys of the same rows are watched again.",
        ],
        verification=[f"headgate state show {source}", f"headgate land {source}"],
        rollback=[f"headgate state undo {source} --yes, best before the next pull"],
    )


def _of_keep(present: Position, *, done: bool) -> Report:
    source = present.source
    return Report(
        verb="state-keep",
        title=f"{source} {'goes' if done else 'would go'} on from its position with the loader as it is now",
        plan=[f"Take the position {present.place} for one of the loader as the next pull finds it."],
        design=["The position was noted with:", *_parts(present)],
        changes=[
            "The next pull reads what lies behind the position and binds it to the loader.",
            "Whatever the loader names now that lies before the position is not read. Another key, and a",
            "cursor of another kind, are refused all the same.",
        ],
        verification=[f"headgate state show {source}", f"headgate land {source}"],
        rollback=[f"headgate state reset {source} --yes reads from the beginning"],
    )


def _of_undo(last: Position, present: Position | None, *, done: bool) -> Report:
    source = last.source
    return Report(
        verb="state-undo",
        title=f"{source} {'is' if done else 'would be'} back at {last.place}",
        plan=[f"Put back the position that was put aside at {last.kept_at:%Y-%m-%d %H:%M:%S} UTC."],
        design=["One transaction, while no pull of the source runs. It was noted with:", *_parts(last)],
        changes=[
            f"Position: {present.place if present else 'the beginning'} -> {last.place}, put aside in turn.",
            "What pulls have landed since stays, and what lies behind the position is read again.",
        ],
        verification=[f"headgate state show {source}", f"headgate land {source}"],
        rollback=[
            f"headgate state undo {source} --yes" if present else f"headgate state reset {source} --yes"
        ],
    )


def _described(present: Position) -> list[str]:
    return [
        f"source           {present.source}",
        f"read up to       {present.place}",
        f"noted            {present.noted_at:%Y-%m-%d %H:%M:%S} UTC",
        f"window           {present.remembered_rows:,} row versions",
        f"watched keys     {present.watched_keys:,}",
        *([f"kept             {present.confirmed}"] if present.confirmed else []),
        *(["next pull        binds it to the loader as it is then"] if present.rebind else []),
        "read with",
        *(f"  {line}" for line in _parts(present)),
    ]


def _parts(position: Position) -> list[str]:
    parts = position.read_from or {"loader": "not noted"}
    width = max(map(len, parts))
    return [f"{name.ljust(width)}  {value}" for name, value in parts.items() if value]


async def _landed(connection: Connection, source: str) -> int:
    query = "select coalesce(sum(rows_landed), 0) from ops.loads where source = $1 and status <> 'replaced'"
    return int(await connection.fetchval(query, source))
