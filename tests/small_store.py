"""A feature store with few rows that a test knows: tables as dbt would leave them, published for real."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from headgate import postgres
from headgate.definitions import Definitions
from headgate.postgres.connection import Connection
from headgate.store import compact, ledger, publish, rollback
from headgate.store.shape import candidate_views
from headgate.store.view_changes import view_changes
from headgate.store.views import views_of_release
from tests.support import Database

T = TypeVar("T")
START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODEL = "stg_gharchive__events"


def at(hours: float) -> datetime:
    """An instant so many hours after the start."""
    return START + hours * HOUR


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Also where a loop runs already."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


async def _approve(connection: Connection) -> None:
    """Gives leave to whatever would break consumers now."""
    active = await ledger.active_release(connection)
    before = await views_of_release(connection, active or 0)
    changes = view_changes(before, await candidate_views(connection), Definitions({}))
    await connection.execute(
        "insert into ops.approvals (plan_hash, approved_by, plan) values ($1, 'tests', $2)",
        str(uuid.uuid4()),
        json.dumps({"changes": [change.as_dict() for change in changes]}),
    )


@dataclass
class SmallStore:
    """Feature views of a test's own making; `publish` makes what stands the next release."""

    database: Database
    versions: Any = field(default_factory=lambda: count(1))

    def land(self, hours: int = 1) -> None:
        """Says that hours were landed, the first ones from the start."""
        for hour in range(hours):
            self.database.query(
                "insert into ops.loads (source, entity, partition_start, partition_end, uri, status,"
                " lines_read, rows_landed, rows_rejected)"
                " values ('gharchive', 'events', %s, %s, 'none', 'landed', 0, 0, 0)",
                at(hour),
                at(hour + 1),
            )

    def view(self, name: str, keys: Mapping[str, str], columns: Mapping[str, str]) -> None:
        """Creates a feature view's table."""
        described = ", ".join(f'"{column}" {kind}' for column, kind in {**keys, **columns}.items())
        named = ", ".join(f'"{key}"' for key in keys)
        self.database.query("create schema if not exists features")
        self.database.query(
            f'create table features."{name}" ({described}, as_of timestamptz, primary key ({named}, as_of))'
        )

    def rows(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the rows of a feature view."""
        self.database.query(f'delete from features."{name}"')
        for row in rows:
            columns = ", ".join(f'"{column}"' for column in row)
            marks = ", ".join(["%s"] * len(row))
            self.database.query(f'insert into features."{name}" ({columns}) values ({marks})', *row.values())

    def labels(self, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Creates `training.labels`, a spine, with rows in the order that is given."""
        described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        marks = ", ".join(["%s"] * len(columns))
        self.database.query("create schema training")
        self.database.query(f"create table training.labels ({described})")
        for row in rows:
            self.database.query(f"insert into training.labels values ({marks})", *row)

    def publish(self) -> int:
        """Publishes what stands, as if dbt had built and every gate passed; the release's number."""
        version = f"run{next(self.versions)}"
        self.database.query("truncate ops.built_partitions, ops.certified_partitions")
        self.database.query(
            "insert into ops.built_partitions (model, partition_start, upstream_version, version, built_at)"
            " select model, partition_start, upstream_version, %s, now() from ("
            f" select '{MODEL}' as model, partition_start, load_id::text as upstream_version from ops.loads"
            f" union all select relname, partition_start, '{MODEL}:' || %s from ops.loads, pg_class"
            " where relnamespace = 'features'::regnamespace and relkind = 'r') as built",
            version,
            version,
        )
        self.database.query(
            "insert into ops.certified_partitions (model, partition_start, version, certified_at)"
            " select model, partition_start, version, now() from ops.built_partitions"
        )
        return _run(self._publish())

    async def _publish(self) -> int:
        connection = await postgres.connect(self.database.settings)
        try:
            await _approve(connection)
            done = await publish.publish(connection, self.database.settings, compare_all=True)
            assert done is not None, "nothing to publish"
            return done.release_id
        finally:
            await connection.close()

    def rollback(self, to: int) -> None:
        """Makes another release the active one."""

        async def move() -> None:
            connection = await postgres.connect(self.database.settings)
            try:
                planned = await rollback.plan(connection, to)
                await rollback.move(connection, to, expected_active=planned.active)
            finally:
                await connection.close()

        _run(move())

    def compact(self, keep: int) -> list[int]:
        """Removes releases beyond the last `keep`; their numbers."""

        async def work() -> list[int]:
            connection = await postgres.connect(self.database.settings)
            try:
                return (await compact.compact(connection, keep)).releases
            finally:
                await connection.close()

        return _run(work())


def repositories(store: SmallStore) -> None:
    """The view that most tests read, without rows."""
    store.view(
        "repository_activity",
        {"repository_id": "bigint"},
        {
            "stars_count_24h": "bigint",
            "merge_rate_7d": "double precision",
            "is_busy": "boolean",
            "first_seen_at": "timestamptz",
        },
    )


def contributors(store: SmallStore) -> None:
    """A view with two key columns, without rows."""
    store.view(
        "contributor_activity",
        {"actor_id": "bigint", "repository_id": "bigint"},
        {"events_count_24h": "bigint"},
    )


def repository(repository_id: int, hours: float, stars: int, rate: float | None = None) -> dict[str, Any]:
    """A row of `repository_activity`."""
    return {
        "repository_id": repository_id,
        "as_of": at(hours),
        "stars_count_24h": stars,
        "merge_rate_7d": rate,
        "is_busy": stars > 10,
        "first_seen_at": START,
    }


def contributor(actor_id: int, repository_id: int, hours: float, events: int) -> dict[str, Any]:
    """A row of `contributor_activity`."""
    return {
        "actor_id": actor_id,
        "repository_id": repository_id,
        "as_of": at(hours),
        "events_count_24h": events,
    }


def first_release(database: Database) -> SmallStore:
    """A store whose release 1 has two repositories and one contributor."""
    store = SmallStore(database)
    store.land()
    repositories(store)
    contributors(store)
    store.rows("repository_activity", [repository(1, 1, 5), repository(1, 3, 20, 0.5), repository(2, 2, 7)])
    store.rows("contributor_activity", [contributor(9, 1, 1, 3)])
    assert store.publish() == 1
    return store
