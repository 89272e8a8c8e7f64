"""Lands a table of another PostgreSQL: everything once, in the order of its cursor, whenever it is killed.

A row is *settled* when its cursor is so old that no row before it can still become visible. Settled rows are
read once, behind the position that is noted in the transaction that lands them. Younger rows are read again
by every pull until they are settled; `ops.source_window` remembers which of their versions have landed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headgate.landing import Appended, Appender, open_appender
from headgate.landing.messages import Stretch
from headgate.postgres.connection import Connection
from headgate.pulling.binding import bound_state
from headgate.pulling.lost import LOST, lost
from headgate.pulling.other_server import MOST_COUNTED, OtherTable, look_at, open_other
from headgate.pulling.results import Pulled, Say
from headgate.pulling.rows import Block, RowStream, blocks_of, versions
from headgate.pulling.state import alone, write_state
from headgate.report import number_of
from headgate.settings import Settings
from headgate.sources.declared import DeclaredSource
from headgate.sources.loaders import PostgresJsonb

#: What one transaction lands, and so what is held in memory: bytes of settled rows, of rows in the window.
STRETCH = 8 << 20
WINDOW_STRETCH = 4 << 20
#: Rows that are read in one snapshot: an older snapshot keeps the other server from cleaning up.
SNAPSHOT_ROWS = 2_000_000
KEYS_AT_ONCE = 5_000
GC_THRESHOLD = 100_000

#: Which of these versions have not landed yet; those from `$5` on are remembered.
FRESH = """
    with given as (
        select version, position, ordinality
        from unnest($3::uuid[], $4::bigint[]) with ordinality as row (version, position, ordinality)
    ),

    remembered as (
        insert into ops.source_window (source, entity, version, position)
        select $1, $2, version, position from given where position >= $5
        on conflict do nothing
    )

    select array(
        select given.ordinality - 1
        from given
        where not exists (
            select from ops.source_window as seen
            where seen.source = $1 and seen.entity = $2 and seen.version = given.version
        )
        order by given.ordinality
    )
"""
FORGET = "delete from ops.source_window where source = $1 and entity = $2 and position < $3"
WATCH = """
    insert into ops.source_keys (source, entity, key) select $1, $2, unnest($3::text[]) on conflict do nothing
"""
COMPARE = """
    create temp table gone on commit drop as
    select watched.key, row_number() over () as number
    from ops.source_keys as watched
    where
        watched.source = $1 and watched.entity = $2
        and not exists (select from keys_there where keys_there.key = watched.key)
"""
UNWATCH = """
    delete from ops.source_keys as watched using gone
    where watched.source = $1 and watched.entity = $2 and watched.key = gone.key
"""


async def pull_postgres(
    settings: Settings, source: DeclaredSource, declared: PostgresJsonb, say: Say
) -> Pulled:
    """Lands what is new in the other table.

    Raises:
        HeadgateError: a server cannot be reached, or was lost: what had landed stays, run it again.
    """
    began = time.monotonic()
    other = await open_other(declared)
    try:
        table = await look_at(other, declared)
        async with (
            open_appender(settings, source.name, uri=table.uri) as appender,
            alone(appender.connection, source),
        ):
            pull = _Pull(appender, source, other, table, say)
            with _rare_collections():
                await pull.run()
        return pull.result(time.monotonic() - began)
    except LOST as error:
        table_name = f"table {declared.schema}.{declared.table} of the server of {declared.dsn_env}"
        raise lost(table_name, "both servers to answer to the end", error) from error
    finally:
        with contextlib.suppress(*LOST, TimeoutError):
            await other.close(timeout=5)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Records come and go without cycles: looking for these is time lost."""
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@dataclass
class _Pull:
    """One pull of one table."""

    appender: Appender
    source: DeclaredSource
    other: Connection
    table: OtherTable
    say: Say
    _done: Appended = field(default_factory=Appended, init=False)
    _reads: int = field(default=0, init=False)
    _deleted: int = field(default=0, init=False)
    _state: dict[str, Any] = field(default_factory=dict, init=False)
    _warnings: list[str] = field(default_factory=list, init=False)

    async def run(self) -> None:
        """Reads settled rows, then those of the window, then looks for what is gone."""
        self._state = await bound_state(
            self.appender.connection, self.source, self.table.parts, self.say, restart=False
        )
        await self._look_for_trouble()
        while True:
            settled = await self.table.settled(self.other)
            if settled is None:
                return
            async with self.other.transaction(isolation="repeatable_read", readonly=True):
                query = self.table.rows_query(self._position, below=settled, limit=SNAPSHOT_ROWS)
                if await self._read(query, settled) == SNAPSHOT_ROWS:
                    continue
                # What is left behind the position is not settled.
                await self._read(self.table.rows_query(self._position, below=None, limit=None), settled)
                if self._comparison_is_due():
                    await self._compare()
            return

    def result(self, seconds: float) -> Pulled:
        """What came of it."""
        return Pulled(
            source=self.source.name,
            uri=self.table.uri,
            rows=self._done,
            requests=self._reads,
            deleted=self._deleted,
            warnings=tuple(self._warnings),
            seconds=seconds,
        )

    async def _look_for_trouble(self) -> None:
        """Says what makes reads slow, and which rows no read gets to."""
        if not self.table.indexed:
            self._warnings.append(
                f"no index of {self.table.name} begins with its cursor: every read sorts the table"
            )
        if unordered := await self.table.unordered(self.other):
            number = f"{unordered:,}" + (" or more" if unordered == MOST_COUNTED else "")
            self._warnings.append(
                f"{number} rows of {self.table.name} are not read, because {self.table.declared.cursor} is "
                "null or infinite; give them a value, or name another column as `cursor`"
            )
        highest = await self.table.highest(self.other) if self._position else None
        if self._position and highest is not None and highest < self._position[0]:
            self._warnings.append(
                f"every row of {self.table.name} lies before the position: the last ones were removed, or "
                "the table was made anew; if so, read it from the beginning: "
                f"headgate state reset {self.source.name}"
            )
        for warning in self._warnings:
            self.say(f"warning: {warning}")

    @property
    def _place(self) -> tuple[str, str]:
        return self.source.name, self.source.entity

    @property
    def _position(self) -> tuple[int, str] | None:
        found = self._state.get("position")
        return (found["cursor"], found["key"]) if found else None

    async def _read(self, query: str, settled: int) -> int:
        """Lands what a query gives; how many rows it gave."""
        self._reads += 1
        async with RowStream(self.other, query, self.table.layout) as stream:
            while block := await stream.take():
                # Up to here, versions are remembered from when they were not settled yet.
                known = self._state.get("window_end")
                careful = block.last[0] >= settled or (known is not None and block.first <= known)
                await self._land(
                    _Stretch(stream, block, WINDOW_STRETCH if careful else STRETCH), settled, careful
                )
            return stream.rows

    async def _land(self, rows: _Stretch, settled: int, careful: bool) -> None:
        """Lands rows, with what is to be noted of them, in one transaction."""
        noted: dict[str, Any] = {}

        async def work(landing: Stretch) -> None:
            if careful:
                await self._copy_fresh(landing, rows, settled)
            else:
                await landing.copy(_screened(landing, rows))
            noted.update(await self._note(landing, rows, settled))

        done = await self.appender.append_stretch(work)
        self._state, self._done = noted, self._done + done
        if done.landed:
            self.say(f"{number_of(self._done.landed, 'row')} landed")

    async def _copy_fresh(self, landing: Stretch, rows: _Stretch, settled: int) -> None:
        """Copies the rows whose version has not landed."""
        fresh: list[list[bytes]] = []
        async for block in rows.blocks():
            digests, cursors = versions(block)
            found = await landing.connection.fetchval(FRESH, *self._place, digests, cursors, settled)
            fresh.append([block.records[number] for number in found])
            landing.redelivered += len(block.records) - len(found)
        if any(fresh):

            async def screened() -> AsyncIterator[list[bytes]]:
                for records in fresh:
                    landing.bytes_read += sum(map(len, records))
                    yield landing.screen.messages(records)

            await landing.copy(screened())

    async def _note(self, landing: Stretch, rows: _Stretch, settled: int) -> dict[str, Any]:
        """Writes how far the table has been read, and which keys are watched; the new state."""
        state = dict(self._state)
        cursor, key = rows.taken[-1].last
        if cursor < settled:
            state["position"] = {"cursor": cursor, "key": key}
            if state.get("window_end") is not None:
                await landing.connection.execute(FORGET, *self._place, cursor)
        else:
            state["window_end"] = max(cursor, state.get("window_end") or cursor)
        if self.table.layout.watched:
            keys = [key for block in rows.taken for key in block.watched]
            await landing.connection.execute(WATCH, *self._place, keys)
        await write_state(landing.connection, self.source, state, self.table.parts)
        return state

    def _comparison_is_due(self) -> bool:
        every = self.table.declared.deletes
        if every is None:
            return False
        last = self._state.get("compared_at")
        return last is None or datetime.now(UTC) - datetime.fromisoformat(last) >= every

    async def _compare(self) -> None:
        """Lands a record for each watched key that is gone, as of the snapshot of the rows."""
        state = {**self._state, "compared_at": datetime.now(UTC).isoformat()}
        gone = 0

        async def work(landing: Stretch) -> None:
            nonlocal gone
            gone = await self._keys_gone(landing.connection)
            for start in range(1, gone + 1, KEYS_AT_ONCE):
                found = await landing.connection.fetch(
                    "select key from gone where number >= $1 and number < $2", start, start + KEYS_AT_ONCE
                )
                records = [_tombstone(row["key"], state["compared_at"]) for row in found]
                await landing.copy(_one(landing.screen.messages(records)))
            await write_state(landing.connection, self.source, state, self.table.parts)

        self._done += await self.appender.append_stretch(work)
        self._state, self._deleted = state, gone

    async def _keys_gone(self, connection: Connection) -> int:
        """Puts the watched keys that are gone into the temporary table `gone`, and watches them no more."""
        await connection.execute("create temp table keys_there (key text) on commit drop")
        await connection.copy_to_table(
            "keys_there", source=blocks_of(self.other, self.table.keys_query()), format="binary"
        )
        await connection.execute("analyze keys_there")
        # Without parameters: a statement that creates a table takes none.
        source, entity = (f"'{name}'" for name in self._place)
        await connection.execute(COMPARE.replace("$1", source).replace("$2", entity))
        await connection.execute(UNWATCH, *self._place)
        return int(await connection.fetchval("select count(*) from gone"))


class _Stretch:
    """What one transaction lands: blocks as they come, up to a size; the same blocks when asked again."""

    def __init__(self, stream: RowStream, first: Block, limit: int) -> None:
        self.taken = [first]
        self._stream = stream
        self._limit = limit
        self._size = len(first.data)

    async def blocks(self) -> AsyncIterator[Block]:
        """Every block of the stretch."""
        for block in list(self.taken):
            yield block
        while self._size < self._limit and (more := await self._stream.take()):
            self.taken.append(more)
            self._size += len(more.data)
            yield more


async def _screened(landing: Stretch, rows: _Stretch) -> AsyncIterator[list[bytes]]:
    async for block in rows.blocks():
        landing.bytes_read += sum(map(len, block.records))
        yield landing.screen.messages(block.records)


async def _one(rows: list[bytes]) -> AsyncIterator[list[bytes]]:
    yield rows


def _tombstone(key: str, noticed_at: str) -> bytes:
    return json.dumps({**json.loads(key), "deleted": True, "deleted_at": noticed_at}).encode()
