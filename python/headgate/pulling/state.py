"""What a source that is read step by step remembers, and that one process reads it at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection
from headgate.sources import Source

#: Seconds until a process that was killed counts as gone: its server notices when the connection breaks.
PATIENCE = 20.0


async def read_state(connection: Connection, source: Source) -> dict[str, Any]:
    """What was noted last; empty before the first time."""
    found = await connection.fetchval(
        "select state::text from ops.source_state where source = $1 and entity = $2",
        source.name,
        source.entity,
    )
    return dict(json.loads(found)) if found else {}


async def write_state(connection: Connection, source: Source, state: Mapping[str, Any]) -> None:
    """Notes how far the source has been read, in the transaction of the caller."""
    await connection.execute(
        """
        insert into ops.source_state (source, entity, state) values ($1, $2, $3::text::jsonb)
        on conflict (source, entity) do update set state = excluded.state, changed_at = clock_timestamp()
        """,
        source.name,
        source.entity,
        json.dumps(dict(state)),
    )


@contextlib.asynccontextmanager
async def alone(connection: Connection, source: Source) -> AsyncIterator[None]:
    """Keeps other processes from reading the source; the lock ends with the session, also when it is killed.

    Raises:
        HeadgateError: another process reads it.
    """
    key = f"headgate pull {source.name} {source.entity}"
    deadline = time.monotonic() + PATIENCE
    while not await connection.fetchval("select pg_try_advisory_lock(hashtextextended($1, 0))", key):
        if time.monotonic() > deadline:
            raise HeadgateError(
                f"source {source.name}",
                expected="one process at a time that lands it",
                found="another one at work",
                next_step="wait until it has finished, or end it",
            )
        await asyncio.sleep(0.2)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock(hashtextextended($1, 0))", key)
