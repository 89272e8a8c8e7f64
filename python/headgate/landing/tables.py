"""Landing tables: their columns, those of declared sources, the range partitions of appended loads."""

from __future__ import annotations

import re

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.postgres import locks
from headgate.postgres.connection import Connection
from headgate.postgres.toast import toast_clause
from headgate.settings import Settings
from headgate.sources import all_sources

#: A landing table's columns. Not `like` the table: that would lock it, and two landers that replace a
#: partition each would then wait for each other.
COLUMNS = """
    load_id bigint not null,
    line_number integer not null,
    record_id text,
    record_type text,
    recorded_at timestamptz,
    record jsonb not null
"""

#: How many load ids share a piece of a landing table that loads are appended to.
LOADS_PER_PIECE = 10_000

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def landing_table(source: str, entity: str) -> str:
    """The landing table of a source, with its schema."""
    assert _NAME.fullmatch(source + entity), "names are checked where they are declared"
    return f"staging_{source}.{entity}"


async def create_columns(connection: Connection, table: str) -> None:
    """Creates a table with a landing table's columns, stored as is best on this server."""
    await connection.execute(f"create table {table} ({COLUMNS})")
    # Without compression and storage of its own, the column has the server's default.
    toast = await toast_clause(connection)
    for clause in ("compression", "storage"):
        if toast.startswith(clause):
            setting = toast.removeprefix(clause)
            await connection.execute(f"alter table {table} alter column record set {clause} {setting}")


async def create_landing_table(connection: Connection, source: str, entity: str) -> None:
    """Creates the landing table of a source that appends, where it is not there yet."""
    table = landing_table(source, entity)
    if await _exists(connection, f"{table}_delivered"):
        return
    async with connection.transaction():
        await _alone(connection, table)
        await _require_no_other(connection, table)
        await connection.execute(f"""
            create schema if not exists staging_{source};
            create table if not exists {table} ({COLUMNS}) partition by range (load_id);
            create index if not exists {entity}_load on {table} (load_id, line_number);
            create table if not exists {table}_delivered (delivery uuid primary key, load_id bigint not null);
        """)


async def create_replaced_table(connection: Connection, source: str, entity: str) -> None:
    """Creates the landing table of a source whose loads replace partitions, where it is not there yet."""
    table = landing_table(source, entity)
    if await _exists(connection, table):
        return
    async with connection.transaction():
        await _alone(connection, table)
        await _require_no_other(connection, table)
        await connection.execute(f"""
            create schema if not exists staging_{source};
            create table if not exists {table} ({COLUMNS}) partition by list (load_id);
        """)


async def create_landing_tables(settings: Settings) -> list[str]:
    """Creates the landing tables of all sources of the project; their names."""
    sources = list(all_sources(settings.project_dir).values())
    connection = await postgres.connect(settings)
    try:
        for source in sources:
            create = create_landing_table if source.appends else create_replaced_table
            await create(connection, source.name, source.entity)
    finally:
        await connection.close()
    return [landing_table(source.name, source.entity) for source in sources]


async def range_partition_for(connection: Connection, table: str, load_id: int) -> str:
    """The piece of a landing table that an appended load goes to; made when it is the first one of it."""
    number = load_id // LOADS_PER_PIECE
    piece = f"{table}_piece_{number}"
    if await _exists(connection, piece):
        return piece
    async with connection.transaction():
        await _alone(connection, table)
        if not await _exists(connection, piece):
            first, last = number * LOADS_PER_PIECE, (number + 1) * LOADS_PER_PIECE
            await create_columns(connection, piece)
            # Attaching locks out neither readers nor writers.
            await connection.execute(
                f"alter table {table} attach partition {piece} for values from ({first}) to ({last})"
            )
    return piece


async def _exists(connection: Connection, table: str) -> bool:
    """Looked up in the catalog itself: to_regclass may remember that there was none a moment ago."""
    found: bool = await connection.fetchval(
        "select exists (select from pg_tables where schemaname = $1 and tablename = $2)", *table.split(".")
    )
    return found


async def _require_no_other(connection: Connection, table: str) -> None:
    """Refuses what somebody else put under the name of a landing table, which is partitioned."""
    query = "select exists (select from pg_class where oid = to_regclass($1) and relkind <> 'p')"
    if await connection.fetchval(query, table):
        raise HeadgateError(
            table,
            expected="no relation of this name, for the records of a source land there",
            found="one that somebody else made; nothing was touched",
            next_step="move it to another schema (alter table ... set schema ...), or rename the source",
        )


async def _alone(connection: Connection, table: str) -> None:
    await locks.take(connection, f"landing table {table}")
