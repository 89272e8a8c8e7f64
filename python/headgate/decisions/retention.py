"""Retention: records that are older than their source keeps them are removed, raw and typed.

Declared below `config.meta` of a landing table, beside its contract: `retention: 365d`. What was counted from
the records stays, and so do loads in the ledger; nothing is built from them any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from headgate.decisions import log
from headgate.decisions.radius import Load, read_load
from headgate.durations import duration, written
from headgate.errors import HeadgateError, UsageError
from headgate.landing.statements import statement
from headgate.landing.tables import landing_table
from headgate.postgres.connection import Connection
from headgate.postgres.locks import landing_lock, take
from headgate.sources.declared import declared_tables
from headgate.store.views import quoted

#: A load is as old as the end of its partition; one that is appended to, as its landing.
OLD = """
    select load_id, contract_source, partition_end, coalesce(rows_landed, 0) as rows_landed
    from ops.loads
    where
        source = $1 and entity = $2 and status in ('landed', 'discarded') and expired_at is null
        and partition_end < $3
    order by load_id
"""
#: What needs the typed records beyond counting them: their recounts, and what is built of them from nothing.
NEEDED_BY = """
    select rests.model
    from ops.model_sources as rests
    inner join ops.deployed_models as deployed on deployed.model = rests.model
    where rests.source = $1 and deployed.relation_schema not in ('typed', 'monitoring')
    order by rests.model
"""
#: Tables of rows that are one record each, by the partition of a load.
OF_RECORDS = """
    select distinct built.model, columns.table_schema
    from ops.built_partitions as built
    inner join information_schema.columns as columns
        on columns.table_name = built.model and columns.table_schema in ('typed', 'monitoring')
    where
        built.source = $1
        and columns.column_name in ('record_id', 'line_number')
        and exists (
            select from information_schema.columns as others
            where
                (others.table_schema, others.table_name) = (columns.table_schema, columns.table_name)
                and others.column_name = 'partition_start'
        )
    order by 1
"""
#: How long others may use the landing table meanwhile.
LOCK_TIMEOUT = "10s"


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long a landing table keeps records."""

    source: str
    entity: str
    age: timedelta

    @property
    def reason(self) -> str:
        """Why its records go, for the log."""
        return f"retention of {written(self.age)} of {self.source}.{self.entity}"


@dataclass(frozen=True, kw_only=True)
class Expired:
    """The loads of a landing table that are older than it keeps records."""

    retention: Retention
    loads: tuple[int, ...]
    records: int
    newest: datetime | None
    #: Tables whose rows of these loads go too; none where others rest on them.
    typed: tuple[str, ...]
    needed_by: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {
            "source": self.retention.source,
            "entity": self.retention.entity,
            "retention": written(self.retention.age),
            "loads": list(self.loads),
            "records": self.records,
            "newest": self.newest.isoformat() if self.newest else None,
            "typed": list(self.typed),
            "typed_is_needed_by": list(self.needed_by),
        }


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """What is removed of all sources that declare a retention."""

    tables: tuple[Expired, ...]

    @property
    def is_needed(self) -> bool:
        """Whether any load is that old."""
        return any(table.loads for table in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {"is_needed": self.is_needed, "tables": [table.as_dict() for table in self.tables]}


def declared(project_dir: Path) -> Iterator[Retention]:
    """The retentions that a project's sources declare.

    Raises:
        UsageError: one is no span of time.
    """
    for file, source, entity, meta in declared_tables(project_dir):
        if "retention" in meta:
            age = _age(file, f"sources.{source}.tables.{entity}", meta["retention"])
            yield Retention(source=str(source), entity=str(entity), age=age)


async def plan(connection: Connection, project_dir: Path, now: datetime | None = None) -> Expiry:
    """The loads that are older than their source keeps them.

    Raises:
        UsageError: a declaration cannot be used.
    """
    instant = now or datetime.now(UTC)
    return Expiry(tables=tuple([await _expired(connection, one, instant) for one in declared(project_dir)]))


async def carry_out(connection: Connection, project_dir: Path, now: datetime | None = None) -> None:
    """Removes their records, each load in a transaction of its own: one that is stopped goes on next time.

    Raises:
        UsageError: as in `plan`.
        HeadgateError: the landing table was in use all the time.
    """
    for table in (await plan(connection, project_dir, now)).tables:
        for load_id in table.loads:
            try:
                await _expire(connection, table, load_id)
            except asyncpg.LockNotAvailableError:
                raise HeadgateError(
                    landing_table(table.retention.source, table.retention.entity),
                    expected=f"a moment without other users within {LOCK_TIMEOUT}",
                    found="it was in use all the time",
                    next_step="run it again when they have ended; what is removed already stays so",
                ) from None


async def _expired(connection: Connection, retention: Retention, now: datetime) -> Expired:
    place = (retention.source, retention.entity)
    found = await connection.fetch(OLD, *place, now - retention.age)
    contract_source = found[0]["contract_source"] if found else retention.source
    needed_by = tuple(row["model"] for row in await connection.fetch(NEEDED_BY, contract_source))
    typed = [] if needed_by else await connection.fetch(OF_RECORDS, contract_source)
    return Expired(
        retention=retention,
        loads=tuple(row["load_id"] for row in found),
        records=sum(row["rows_landed"] for row in found),
        newest=max((row["partition_end"] for row in found), default=None),
        typed=tuple(f"{row['table_schema']}.{row['model']}" for row in typed),
        needed_by=needed_by,
    )


async def _expire(connection: Connection, table: Expired, load_id: int) -> None:
    async with connection.transaction():
        load = await read_load(connection, load_id)
        # Nobody lands this partition meanwhile. A build that was about to type it is undone at its end.
        await take(connection, landing_lock(load.source, load.entity, load.partition_start.isoformat()))
        for name in table.typed:
            await take(connection, f"builds of {name.split('.')[1]}")
        load = await read_load(connection, load_id, lock=True)
        if load.expired_at is not None or load.status not in ("landed", "discarded"):
            return
        await _remove_raw(connection, load)
        await connection.execute(statement("forget_lines"), load_id)
        for name in table.typed:
            await _remove_typed(connection, name, load)
        await connection.execute(
            "update ops.loads set expired_at = clock_timestamp() where load_id = $1", load_id
        )
        await log.record(connection, "expire load", load_id, table.retention.reason)


async def _remove_raw(connection: Connection, load: Load) -> None:
    parent = landing_table(load.source, load.entity)
    alone = f"{parent}_{load.load_id}"
    if await connection.fetchval("select to_regclass($1) is null", alone):
        await connection.execute(f"delete from {parent} where load_id = $1", load.load_id)
        return
    await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    # The parent first: dropping a partition needs both, and readers take them in that order.
    await connection.execute(f"lock table {parent} in access exclusive mode")
    await connection.execute(f"drop table {alone}")


async def _remove_typed(connection: Connection, name: str, load: Load) -> None:
    schema, model = name.split(".")
    # Another load may hold the partition since this one was discarded.
    if load.status == "discarded":
        return
    await connection.execute(
        f"delete from {quoted(schema)}.{quoted(model)} where partition_start = $1", load.partition_start
    )
    await connection.execute(
        "delete from ops.built_partitions where model = $1 and source = $2 and partition_start = $3",
        model,
        load.contract_source,
        load.partition_start,
    )


def _age(file: Path, place: str, text: object) -> timedelta:
    found = duration(text)
    if not found:
        raise UsageError(
            f"{file}, {place}.config.meta.retention",
            expected="a span of time such as 90d",
            found=repr(text),
            next_step="correct the file",
        )
    return found
