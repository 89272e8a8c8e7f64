"""Positions of sources that are put aside and put back: nothing that was noted is lost by starting anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.errors import UsageError
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.pulling.state import Place, position_of

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

STATES = """
    select
        states.source, states.entity, states.state::text, states.read_from::text, states.changed_at,
        states.rebind, states.confirmed_by, states.confirmed_at,
        (select count(*) from ops.source_window as seen
         where seen.source = states.source and seen.entity = states.entity) as remembered_rows,
        (select count(*) from ops.source_keys as keys
         where keys.source = states.source and keys.entity = states.entity) as watched_keys
    from ops.source_state as states
    where $1::text is null or states.source = $1
    order by 1, 2
"""
ASIDE = """
    select
        position_id, source, entity, state::text, read_from::text, noted_at, kept_at, kept_by, reason,
        (select count(*) from ops.source_positions_window as seen
         where seen.position_id = aside.position_id) as remembered_rows,
        (select count(*) from ops.source_positions_keys as keys
         where keys.position_id = aside.position_id) as watched_keys
    from ops.source_positions as aside
    where $1::text is null or source = $1
    order by position_id desc
"""
PUT_ASIDE = """
    insert into ops.source_positions (source, entity, state, read_from, noted_at, kept_by, reason)
    select source, entity, state, read_from, changed_at, $3, $4
    from ops.source_state
    where source = $1 and entity = $2
    returning position_id
"""
WINDOW_ASIDE = """
    with moved as (
        delete from ops.source_window where source = $1 and entity = $2 returning version, position
    )
    insert into ops.source_positions_window select $3, version, position from moved
"""
KEYS_ASIDE = """
    with moved as (delete from ops.source_keys where source = $1 and entity = $2 returning key)
    insert into ops.source_positions_keys select $3, key from moved
"""
PUT_BACK = (
    """
    insert into ops.source_state (source, entity, state, read_from, changed_at)
    select source, entity, state, read_from, noted_at
    from ops.source_positions
    where source = $1 and entity = $2 and position_id = $3
    """,
    """
    insert into ops.source_window (source, entity, version, position)
    select $1, $2, version, position from ops.source_positions_window where position_id = $3
    on conflict do nothing
    """,
    """
    insert into ops.source_keys (source, entity, key)
    select $1, $2, key from ops.source_positions_keys where position_id = $3
    on conflict do nothing
    """,
)
#: Keys that were watched before a reset, where the next pull finds the same rows.
TAKE_BACK_KEYS = """
    insert into ops.source_keys (source, entity, key)
    select $1, $2, keys.key
    from ops.source_positions_keys as keys
    where keys.position_id = (
        select position_id from ops.source_positions as aside
        where aside.source = $1 and aside.entity = $2
        order by position_id desc limit 1
    ) and exists (
        select from ops.source_positions as aside
        where aside.position_id = keys.position_id and aside.read_from @> $3::text::jsonb
    )
    on conflict do nothing
"""


@dataclass(frozen=True)
class Position:
    """How far a source has been read, now or before it was put aside."""

    source: str
    entity: str
    state: dict[str, Any]
    read_from: dict[str, str] | None
    noted_at: datetime
    #: Row versions that are known from the window, and keys that are watched.
    remembered_rows: int
    watched_keys: int
    #: Of one that was put aside: its number, when, by whom, and why.
    position_id: int | None = None
    kept_at: datetime | None = None
    kept_by: str | None = None
    reason: str | None = None
    #: Of the present one: whether, and by whom and when, it was confirmed for a changed loader.
    rebind: bool = False
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None

    @property
    def name(self) -> str:
        """The source, as `state.Place` calls it."""
        return self.source

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return _place(self.state, self.read_from or {})

    @property
    def confirmed(self) -> str:
        """Who confirmed it for a changed loader, and when; empty when nobody did."""
        if self.confirmed_at is None:
            return ""
        return f"by {self.confirmed_by}, {self.confirmed_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def origin(self) -> str:
        """What was read, for people."""
        parts = self.read_from or {}
        found = parts.get("url") or parts.get("table") or self.state.get("url")
        return found or "not noted"

    def as_dict(self) -> dict[str, Any]:
        """The position for programs."""
        told = {**asdict(self), "place": self.place}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()
        }


async def positions(connection: Connection, source: str | None = None) -> list[Position]:
    """Where sources stand, all of them or one; without those that are read whole each time."""
    rows = await connection.fetch(STATES, source)
    found = [_position(dict(row), noted_at=row["changed_at"]) for row in rows]
    return [position for position in found if position_of(position.state) is not None]


async def put_aside_positions(connection: Connection, source: str | None = None) -> list[Position]:
    """Positions that were put aside, the newest first."""
    return [_position(dict(row), noted_at=row["noted_at"]) for row in await connection.fetch(ASIDE, source)]


async def put_aside(connection: Connection, source: Place, reason: str) -> int:
    """Keeps the present position, with what belongs to it, under a number; in the caller's transaction.

    The state itself stays for the caller to replace or remove.
    """
    number = await connection.fetchval(PUT_ASIDE, source.name, source.entity, await actor(connection), reason)
    for move in (WINDOW_ASIDE, KEYS_ASIDE):
        await connection.execute(move, source.name, source.entity, number)
    return int(number)


async def take_back_keys(connection: Connection, source: Place, rows: Mapping[str, str | None]) -> None:
    """Watches keys again that were put aside last, if they are of the same rows."""
    if rows.get("table"):
        await connection.execute(TAKE_BACK_KEYS, source.name, source.entity, json.dumps(dict(rows)))


async def reset(connection: Connection, source: str) -> int:
    """Puts the position aside, so that the next pull reads from the beginning; its number.

    Raises:
        UsageError: there is no position.
    """
    async with connection.transaction():
        present = await present_position(connection, source)
        number = await put_aside(connection, present, "reset")
        await _remove_state(connection, present)
    return number


async def keep(connection: Connection, source: str) -> None:
    """Has the next pull take the position for one of the loader as it finds it.

    Raises:
        UsageError: there is no position.
    """
    present = await present_position(connection, source)
    await connection.execute(
        "update ops.source_state set rebind = true, confirmed_by = $3, confirmed_at = clock_timestamp()"
        " where source = $1 and entity = $2",
        present.source,
        present.entity,
        await actor(connection),
    )


async def undo(connection: Connection, source: str) -> Position:
    """Puts back the position that was put aside last, and puts the present one aside; the one that is back.

    Raises:
        UsageError: none was put aside.
    """
    async with connection.transaction():
        last = await last_put_aside(connection, source)
        if any(found.entity == last.entity for found in await positions(connection, source)):
            await put_aside(connection, last, "undo")
        # Also a row that says of no position.
        await _remove_state(connection, last)
        for statement in PUT_BACK:
            await connection.execute(statement, last.source, last.entity, last.position_id)
        await connection.execute("delete from ops.source_positions where position_id = $1", last.position_id)
    return last


async def present_position(connection: Connection, source: str) -> Position:
    """Where a source stands.

    Raises:
        UsageError: nothing was noted of it.
    """
    found = await positions(connection, source)
    if found:
        return found[0]
    known = ", ".join(sorted({position.source for position in await positions(connection)})) or "none yet"
    raise UsageError(
        f"position of source {source}",
        expected=f"one of a source that has been read step by step: {known}",
        found="none",
        next_step="name one of these; without a position, a pull reads from the beginning anyway",
    )


async def last_put_aside(connection: Connection, source: str) -> Position:
    """The position that `undo` puts back.

    Raises:
        UsageError: there is none.
    """
    found = await put_aside_positions(connection, source)
    if found:
        return found[0]
    raise UsageError(
        f"earlier position of source {source}",
        expected="one that was put aside",
        found="none",
        next_step="see `headgate state list`",
    )


async def _remove_state(connection: Connection, source: Place) -> None:
    await connection.execute(
        "delete from ops.source_state where source = $1 and entity = $2", source.name, source.entity
    )


def _position(row: dict[str, Any], noted_at: datetime) -> Position:
    row.pop("changed_at", None)
    read_from = json.loads(row["read_from"]) if row["read_from"] else None
    return Position(
        **{**row, "state": json.loads(row["state"]), "read_from": read_from, "noted_at": noted_at}
    )


def _place(state: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    cursor = (state.get("position") or {}).get("cursor")
    cursor = state.get("window_end") if cursor is None else cursor
    if cursor is None:
        return str(state.get("newest") or "the beginning")
    if parts.get("cursor kind") == "time":
        return f"{EPOCH + timedelta(microseconds=cursor):%Y-%m-%dT%H:%M:%S.%fZ}"
    return str(cursor)
