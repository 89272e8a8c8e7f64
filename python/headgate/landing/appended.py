"""Loads that add to what is landed: how they begin, how they end, and files that are landed so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from headgate.contract import Contract
from headgate.landing.content import Content
from headgate.landing.files import FileLoader
from headgate.landing.screen import Screen
from headgate.landing.statements import statement
from headgate.landing.tables import landing_table, range_partition_for
from headgate.postgres.connection import Connection
from headgate.sources import Source

#: How old a record may be when it comes, where the contract limits times at all: a webhook may be sent again
#: for three days. Older ones land and are quarantined.
LATE_HOURS = 7 * 24


async def start_appended(connection: Connection, source: Source, *, status: str, uri: str) -> int:
    """A new ledger row; its extent is provisional."""
    place = (source.name, source.entity, uri, status, source.contract[0])
    while True:
        load_id = await connection.fetchval(statement("start_appended"), *place)
        if load_id is not None:
            return int(load_id)


async def close_appended(connection: Connection, load_id: int, table: str, contract: Contract) -> None:
    """Makes a load `landed`, so that models see it; in the transaction of the caller, who holds its row."""
    oldest, newest = await _event_times(connection, load_id, table)
    late_hours = LATE_HOURS
    if contract.time_tolerance_hours is None:
        # Any time will do; 200 years is as good as no limit.
        late_hours = 200 * 365 * 24
    shift = 0
    while True:
        try:
            async with connection.transaction():
                extent = (load_id, late_hours, oldest, shift, newest)
                await connection.execute(statement("close_appended"), *extent)
            return
        except asyncpg.UniqueViolationError:
            # Two loads of a source may begin with records of one instant.
            shift += 1


async def _event_times(
    connection: Connection, load_id: int, table: str
) -> tuple[datetime | None, datetime | None]:
    """The oldest time of a record, and the newest that is over: what is to come has not been seen yet."""
    find = f"""
        select min(recorded_at), max(recorded_at) filter (where recorded_at <= statement_timestamp())
        from {table} where load_id = $1
    """  # noqa: S608 - checked name
    found = await connection.fetchrow(find, load_id)
    assert found is not None
    return found[0], found[1]


@dataclass(frozen=True)
class AppendedFileLoader(FileLoader):
    """Lands a file beside what is landed."""

    contract: Contract
    #: The load of the same bytes in whose place this one lands.
    replaces: int | None = None

    async def prepare(self) -> str:
        """Finds the range partition of the landing table that is filled now."""
        parent = landing_table(self.delivery.source, self.delivery.entity)
        return await range_partition_for(self.connection, parent, self.load_id)

    async def finish(self, table: str, content: Content, screen: Screen) -> None:
        """Closes the ledger row, in place of the load before it."""
        if self.replaces is not None:
            parent = landing_table(self.delivery.source, self.delivery.entity)
            forget = f"delete from {parent} where load_id = $1"  # noqa: S608 - checked name
            await self.connection.execute(forget, self.replaces)
            await self.connection.execute(statement("forget_lines"), self.replaces)
            await self.connection.execute(statement("replace_load"), self.replaces)
        await self.count(content, screen)
        await close_appended(self.connection, self.load_id, table, self.contract)
        if self.replaces is not None:
            await self.connection.execute(statement("take_place"), self.load_id, self.replaces)
