"""Fills one partition of a landing table in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from headgate.errors import HeadgateError
from headgate.landing.content import Content
from headgate.landing.copyformat import COLUMNS, HEADER, PARTS, TRAILER, line_number_of
from headgate.landing.screen import Screen
from headgate.landing.statements import landing_table, statement
from headgate.postgres.connection import Connection
from headgate.postgres.toast import toast_clause
from headgate.sources import Delivery, Partition

#: How long one try may hold up other sessions, and how long all tries together may take.
LOCK_TIMEOUT = "2s"
LOCK_PATIENCE = 300.0

#: The landing table's columns. Not `like` the table: that would lock it, and two landers that replace a
#: partition each would then wait for each other.
TABLE = """
    load_id bigint not null,
    line_number integer not null,
    record_id text,
    record_type text,
    recorded_at timestamptz,
    record jsonb not null
"""

Rows = list[bytes]


class _PoisonedError(Exception):
    """PostgreSQL refused a row that passed the screen."""


@dataclass(frozen=True)
class PartitionLoader:
    """Lands one delivery under a ledger row that is `running`."""

    connection: Connection
    delivery: Delivery
    load_id: int
    new_screen: Callable[[], Screen]
    on_block: Callable[[Content, int], None]

    async def load(self, content: Callable[[], Content]) -> None:
        """Lands everything or nothing.

        The first try is one COPY. Only when PostgreSQL refuses a row that passed the screen, the file is read
        again, in batches with savepoints, down to that row, which becomes a reject.
        """
        try:
            await self._load(content(), careful=False)
        except _PoisonedError:
            await self._load(content(), careful=True)

    async def _load(self, content: Content, *, careful: bool) -> None:
        with contextlib.closing(self.new_screen()) as screen:
            async with self.connection.transaction():
                await self.connection.execute("set local synchronous_commit to default")
                await self._create()
                await (self._copy_carefully if careful else self._copy)(content, screen)
                await self._keep(screen)
                await self.connection.execute(
                    f"create index on {self._table} using brin (line_number) with (pages_per_range = 8)"
                )
                await self._finish(content, screen)

    async def _create(self) -> None:
        await self.connection.execute(f"create table {self._table} ({TABLE})")
        # Without compression and storage of its own, the column has the server's default.
        toast = await toast_clause(self.connection)
        for clause in ("compression", "storage"):
            if toast.startswith(clause):
                setting = toast.removeprefix(clause)
                await self.connection.execute(
                    f"alter table {self._table} alter column record set {clause} {setting}"
                )
        # Proves to ATTACH PARTITION what it would otherwise read the whole table for.
        await self.connection.execute(
            f"alter table {self._table} add constraint one_load check (load_id = {self.load_id})"
        )

    async def _copy(self, content: Content, screen: Screen) -> None:
        async def source() -> AsyncIterator[bytes]:
            yield HEADER
            for block in content.blocks():
                yield b"".join(screen.rows(block))
                self.on_block(content, screen.tally.lines)
            yield TRAILER

        try:
            await self._copy_rows(source())
        except asyncpg.PostgresError as error:
            if _is_about_a_row(error):
                raise _PoisonedError from error
            raise

    async def _copy_carefully(self, content: Content, screen: Screen) -> None:
        for block in content.blocks():
            parts = screen.rows(block)
            rows = [parts[start : start + PARTS] for start in range(0, len(parts), PARTS)]
            await self._copy_or_halve(rows, screen)
            self.on_block(content, screen.tally.lines)

    async def _copy_or_halve(self, rows: list[Rows], screen: Screen) -> None:
        """Lands rows; those that PostgreSQL refuses become rejects."""

        async def source() -> AsyncIterator[bytes]:
            yield b"".join((HEADER, *(part for row in rows for part in row), TRAILER))

        try:
            async with self.connection.transaction():
                await self._copy_rows(source())
        except asyncpg.PostgresError as error:
            if not _is_about_a_row(error):
                raise
            if len(rows) == 1:
                screen.tally.landed -= 1
                screen.reject(rows[0][-1], _reason(error), line_number_of(rows[0]))
                return
            middle = len(rows) // 2
            await self._copy_or_halve(rows[:middle], screen)
            await self._copy_or_halve(rows[middle:], screen)

    async def _copy_rows(self, source: AsyncIterator[bytes]) -> None:
        schema, table = self._table.split(".")
        await self.connection.copy_to_table(
            table, schema_name=schema, columns=COLUMNS, source=source, format="binary"
        )

    async def _keep(self, screen: Screen) -> None:
        """Writes rejects and repairs, which waited for the COPY to end."""
        for table, reason, spool in (
            ("rejects", "reason", screen.rejects),
            ("repairs", "repair", screen.repairs),
        ):
            if spool.rows:
                await self.connection.copy_to_table(
                    table,
                    schema_name="ops",
                    columns=("load_id", "line_number", reason, "line"),
                    source=spool.finish(),
                    format="binary",
                )

    async def _finish(self, content: Content, screen: Screen) -> None:
        """Makes the partition visible in place of the one before it, and closes the ledger row."""
        delivery, tally = self.delivery, screen.tally
        place = (delivery.source, delivery.entity, delivery.partition.start)
        old = await self.connection.fetchval(statement("find_landed"), *place)
        await self._with_lock_retries(lambda: self._swap(old))
        # Attaching locked out every other lander: what landed before is visible now.
        await refuse_overlap(self.connection, delivery)
        await self.connection.execute(
            statement("finish_load"),
            self.load_id,
            content.sha256,
            tally.lines,
            tally.landed,
            screen.rejects.rows,
            tally.repaired,
            content.bytes_read,
        )

    async def _swap(self, old: int | None) -> None:
        parent = landing_table(self.delivery)
        if old is not None:
            # At once, not step by step: dropping a partition needs it, and readers then queue only once.
            await self.connection.execute(f"lock table {parent} in access exclusive mode")
            await self.connection.execute(f"drop table {parent}_{old}")
            await self.connection.execute(statement("replace_load"), old)
        await self.connection.execute(
            f"alter table {parent} attach partition {self._table} for values in ({self.load_id})"
        )
        await self.connection.execute(f"alter table {self._table} drop constraint one_load")

    async def _with_lock_retries(self, work: Callable[[], object]) -> None:
        """Runs `work`, giving way to whoever uses the landing table."""
        deadline = time.monotonic() + LOCK_PATIENCE
        await self.connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        while True:
            try:
                async with self.connection.transaction():
                    await work()  # type: ignore[misc]
                break
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
                if time.monotonic() > deadline:
                    raise HeadgateError(
                        f"table {landing_table(self.delivery)}",
                        expected=f"a moment without other users within {LOCK_PATIENCE:.0f} s",
                        found="it was in use all the time",
                        next_step="end the transactions that hold it (see pg_stat_activity), then land again",
                    ) from error
                await asyncio.sleep(random.uniform(0.1, 1))
        await self.connection.execute("set local lock_timeout = 0")

    @property
    def _table(self) -> str:
        return f"{landing_table(self.delivery)}_{self.load_id}"


async def refuse_overlap(connection: Connection, delivery: Delivery) -> None:
    """Refuses a partition that shares time with a landed one of another extent.

    Raises:
        HeadgateError: it does.
    """
    partition = delivery.partition
    place = (delivery.source, delivery.entity, partition.start, partition.end)
    other = await connection.fetchrow(statement("find_overlap"), *place)
    if other is not None:
        landed = Partition(other["partition_start"], other["partition_end"])
        raise HeadgateError(
            f"partition {partition.extent} of {delivery.source}",
            expected="the same extent as what is landed, or none landed there",
            found=f"{landed.extent} landed",
            next_step="land deliveries of the same extent, or another stretch of time",
        )


def _is_about_a_row(error: asyncpg.PostgresError) -> bool:
    """True for errors in the data (22) and limits that a value exceeded (54): no other is a row's fault."""
    return str(error.sqlstate)[:2] in ("22", "54")


def _reason(error: asyncpg.PostgresError) -> str:
    if error.sqlstate == "54001":
        return "nesting too deep"
    if error.sqlstate == "22003" or "numeric" in str(error.args[0]):
        return "number out of range"
    return f"PostgreSQL: {str(error.args[0]).splitlines()[0]}"
