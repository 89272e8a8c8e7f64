"""What a source that is read step by step remembers, and that one process reads it at a time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from headgate.errors import HeadgateError
from headgate.postgres import locks
from headgate.postgres.connection import Connection

#: Seconds until a process that was killed counts as gone: its server notices when the connection breaks.
PATIENCE = 20.0


class Place(Protocol):
    """What a state belongs to: a source, or its name and table alone."""

    @property
    def name(self) -> str:
        """The source's name."""

    @property
    def entity(self) -> str:
        """The landing table's name."""


@dataclass(frozen=True)
class Stored:
    """A row of `ops.source_state`."""

    state: dict[str, Any]
    #: The parts of the loader that it was read with, see `binding`; None: they were not noted.
    read_from: dict[str, str] | None
    #: Whether somebody confirmed that it holds for the loader as it is at the next pull.
    rebind: bool


async def read_stored(connection: Connection, source: Place) -> Stored | None:
    """What was noted last; None before the first time."""
    row = await connection.fetchrow(
        "select state::text, read_from::text, rebind from ops.source_state where source = $1 and entity = $2",
        source.name,
        source.entity,
    )
    if row is None:
        return None
    read_from = json.loads(row["read_from"]) if row["read_from"] else None
    return Stored(json.loads(row["state"]), read_from, row["rebind"])


async def read_state(connection: Connection, source: Place) -> dict[str, Any]:
    """What was noted last; empty before the first time."""
    stored = await read_stored(connection, source)
    return stored.state if stored else {}


async def write_state(
    connection: Connection,
    source: Place,
    state: Mapping[str, Any],
    read_from: Mapping[str, str] | None = None,
) -> None:
    """Notes how far the source has been read, and with what, in the transaction of the caller."""
    await connection.execute(
        """
        insert into ops.source_state (source, entity, state, read_from)
        values ($1, $2, $3::text::jsonb, $4::text::jsonb)
        on conflict (source, entity) do update
        set
            state = excluded.state, read_from = excluded.read_from, rebind = false,
            changed_at = clock_timestamp()
        """,
        source.name,
        source.entity,
        json.dumps(dict(state)),
        None if read_from is None else json.dumps(dict(read_from)),
    )


def position_of(state: Mapping[str, Any]) -> Any:
    """Where a state stands, in whatever form its source has; None when at the beginning."""
    return state.get("position") or state.get("window_end") or state.get("newest")


@contextlib.asynccontextmanager
async def alone(connection: Connection, source: Place) -> AsyncIterator[None]:
    """Keeps other processes from reading the source; the lock ends with the session, also when it is killed.

    Raises:
        HeadgateError: another process reads it.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            name = f"pull of {source.name}.{source.entity}"
            await stack.enter_async_context(locks.held(connection, name, seconds=PATIENCE))
        except asyncpg.LockNotAvailableError as error:
            raise HeadgateError(
                f"source {source.name}",
                expected="one process at a time that lands it",
                found="another one at work",
                next_step="wait until it has finished, or end it",
            ) from error
        yield
