"""Fills one partition of a landing table in one transaction."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from headgate.errors import HeadgateError
from headgate.landing.content import Content
from headgate.landing.files import FileLoader
from headgate.landing.screen import Screen
from headgate.landing.statements import statement
from headgate.landing.tables import create_columns, landing_table
from headgate.postgres.connection import Connection
from headgate.sources import Delivery, Partition

#: How long one try may hold up other sessions, and how long all tries together may take.
LOCK_TIMEOUT = "2s"
LOCK_PATIENCE = 300.0


@dataclass(frozen=True)
class PartitionLoader(FileLoader):
    """Lands a file as a partition of the landing table, in place of the one before it."""

    async def prepare(self) -> str:
        """Creates the partition as a table of its own."""
        table = f"{self._parent}_{self.load_id}"
        await create_columns(self.connection, table)
        # Proves to ATTACH PARTITION what it would otherwise read the whole table for.
        await self.connection.execute(
            f"alter table {table} add constraint one_load check (load_id = {self.load_id})"
        )
        return table

    async def finish(self, table: str, content: Content, screen: Screen) -> None:
        """Makes the partition visible in place of the one before it, and closes the ledger row."""
        delivery = self.delivery
        await self.connection.execute(
            f"create index on {table} using brin (line_number) with (pages_per_range = 8)"
        )
        place = (delivery.source, delivery.entity, delivery.extent.start)
        old = await self.connection.fetchrow(statement("find_landed"), *place)
        if old is not None and old["content_sha256"] == content.sha256:
            await self.connection.execute(statement("forget_lines"), old["load_id"])
        await self._with_lock_retries(lambda: self._swap(table, old["load_id"] if old else None))
        # Attaching locked out every other lander: what landed before is visible now.
        await refuse_overlap(self.connection, delivery)
        await self.count(content, screen)

    async def _swap(self, table: str, old: int | None) -> None:
        parent = self._parent
        if old is not None:
            # At once, not step by step: dropping a partition needs it, and readers then queue only once.
            await self.connection.execute(f"lock table {parent} in access exclusive mode")
            await self.connection.execute(f"drop table if exists {parent}_{old}")
            await self.connection.execute(statement("replace_load"), old)
        await self.connection.execute(
            f"alter table {parent} attach partition {table} for values in ({self.load_id})"
        )
        await self.connection.execute(f"alter table {table} drop constraint one_load")

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
                        f"table {self._parent}",
                        expected=f"a moment without other users within {LOCK_PATIENCE:.0f} s",
                        found="it was in use all the time",
                        next_step="end the transactions that hold it (see pg_stat_activity), then land again",
                    ) from error
                await asyncio.sleep(random.uniform(0.1, 1))
        await self.connection.execute("set local lock_timeout = 0")

    @property
    def _parent(self) -> str:
        return landing_table(self.delivery.source, self.delivery.entity)


async def refuse_overlap(connection: Connection, delivery: Delivery) -> None:
    """Refuses a partition that shares time with a landed one of another extent.

    Raises:
        HeadgateError: it does.
    """
    partition = delivery.extent
    place = (delivery.source, delivery.entity, partition.start, partition.end)
    other = await connection.fetchrow(statement("find_overlap"), *place)
    if other is not None:
        landed = Partition(other["partition_start"], other["partition_end"])
        raise HeadgateError(
            f"partition {partition.extent} of {delivery.source}",
            expected="the same extent as what is landed, or none landed there",
            found=f"{landed.extent} landed",
            next_step="land deliveries of the same extent or another stretch of time, or leave that load out "
            f"with `headgate loads discard {other['load_id']}`",
        )
