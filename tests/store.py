"""A feature store whose tables tests write themselves, as dbt would: what is built, proven, published."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

from headgate import postgres
from headgate.definitions import Definitions
from headgate.postgres.connection import Connection
from headgate.store import compact, ledger, rollback
from headgate.store.new_release import Published
from headgate.store.publish import publish
from headgate.store.shape import candidate_views
from headgate.store.view_changes import view_changes
from headgate.store.views import views_of_release
from tests.support import Database

T = TypeVar("T")
HOUR = timedelta(hours=1)
#: What stands between the staging model and the feature views.
UPSTREAM = "int_toy"
BUILT = """
    insert into ops.built_partitions (model, source, partition_start, upstream_version, version, built_at)
    select chain.model, loads.contract_source, loads.partition_start,
        case when chain.upstream = 'load' then loads.load_id::text else chain.upstream || ':' || %s end,
        %s, now()
    from ops.loads, unnest(%s::text[], %s::text[]) as chain (model, upstream)
    where loads.status = 'landed'
    on conflict (model, source, partition_start) do update
    set upstream_version = excluded.upstream_version, version = excluded.version, built_at = excluded.built_at
"""
PROVEN = """
    insert into ops.certified_partitions (model, source, partition_start, version, certified_at)
    select model, source, partition_start, version, now() from ops.built_partitions
    on conflict (model, source, partition_start) do update
    set version = excluded.version, certified_at = excluded.certified_at
"""


@dataclass
class Store:
    """Feature views in a database, built from landed hours of one source."""

    database: Database
    source: ClassVar[str]
    start: ClassVar[datetime]

    def land(self, hours: int = 1) -> None:
        """Says that hours were landed, the first ones from the start."""
        for hour in range(hours):
            self.database.query(
                "insert into ops.loads (source, entity, partition_start, partition_end, uri, status,"
                " lines_read, rows_landed, rows_rejected)"
                " values (%s, 'events', %s, %s, 'none', 'landed', 0, 0, 0)",
                self.source,
                self.start + hour * HOUR,
                self.start + (hour + 1) * HOUR,
            )

    def certify(self, *, gates: bool = True) -> None:
        """Marks the views as built from what is landed, and as proven unless told otherwise."""
        staging = f"stg_{self.source}__events"
        views = self.database.query("select tablename::text from pg_tables where schemaname = 'features'")
        chain = {staging: "load", UPSTREAM: staging, **{view: UPSTREAM for (view,) in views}}
        version = str(uuid.uuid4())
        self.database.query(BUILT, version, version, list(chain), list(chain.values()))
        if gates:
            self.database.query(PROVEN)

    def connected(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs `work(connection)` on a connection of its own, also where a loop runs already."""

        async def run() -> T:
            connection = await postgres.connect(self.database.settings)
            try:
                return await work(connection)
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(asyncio.run, run()).result()

    def publish_built(self, **options: Any) -> Published | None:
        """Publishes what stands and is proven."""
        return self.connected(lambda connection: publish(connection, self.database.settings, **options))

    def approve(self) -> None:
        """Gives leave to all that the views would change now."""

        async def work(connection: Connection) -> None:
            active = await ledger.active_release(connection)
            before = await views_of_release(connection, active or 0)
            changes = view_changes(before, await candidate_views(connection), Definitions({}))
            await connection.execute(
                "insert into ops.approvals (plan_hash, approved_by, plan) values ($1, 'tests', $2)",
                str(uuid.uuid4()),
                json.dumps({"changes": [change.as_dict() for change in changes]}),
            )

        self.connected(work)

    def roll(self, to: int | None = None) -> None:
        """Moves the active release."""

        async def work(connection: Connection) -> None:
            move = await rollback.plan(connection, to)
            await rollback.move(connection, move.target.release_id, expected_active=move.active)

        self.connected(work)

    def compact(self, keep: int) -> compact.Compaction:
        """Removes what only old releases hold."""
        return self.connected(lambda connection: compact.compact(connection, keep))

    def active(self) -> int | None:
        """The active release."""
        return self.connected(ledger.active_release)


def instant(year: int, month: int = 1) -> datetime:
    """The first hour of a month, UTC."""
    return datetime(year, month, 1, tzinfo=UTC)
