"""Small feature views that tests write themselves, as dbt would: tables, noted changes, ledger."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate import postgres
from headgate.definitions import Definitions
from headgate.postgres.connection import Connection
from headgate.store import compact, ledger, rollback
from headgate.store.publish import Published, publish
from headgate.store.shape import candidate_views
from headgate.store.view_changes import view_changes
from headgate.store.views import views_of_release
from tests.support import Database

START = datetime(2016, 1, 1, tzinfo=UTC)
UPSTREAM = "int_toy"
VIEWS = {"toy_activity": ("toy_id",), "pair_activity": ("toy_id", "other_id")}
#: What `built_store` begins with.
ONE = {("toy_activity", (1,), 1): (5, 0.5), ("toy_activity", (2,), 1): (6, None)}
PAIR = {("pair_activity", (1, 2), 1): (7, None)}

CREATE = """
    create schema if not exists features;
    create table features.toy_activity (
        toy_id bigint, as_of timestamptz,
        events_count bigint not null, rate double precision,
        primary key (toy_id, as_of)
    );
    create table features.pair_activity (
        toy_id bigint, other_id bigint, as_of timestamptz,
        events_count bigint not null, rate double precision,
        primary key (toy_id, other_id, as_of)
    );
    create table ops.changed_toy_activity as select toy_id, as_of from features.toy_activity;
    create table ops.changed_pair_activity as select toy_id, other_id, as_of from features.pair_activity
"""

#: (view, key, hours after START) -> (events_count, rate)
Rows = dict[tuple[str, tuple[int, ...], int], tuple[int, float | None]]


@dataclass
class ToyStore:
    """Two feature views in a database, and what they hold."""

    database: Database
    rows: Rows = field(default_factory=dict)

    def create(self) -> None:
        """Makes the tables and one landed hour that they were built from."""
        self.database.query(CREATE)
        self.database.query(
            "insert into ops.loads (source, entity, partition_start, partition_end, uri, lines_read,"
            " rows_landed, rows_rejected, status)"
            " values ('toy', 'events', %s, %s, 'toy', 0, 0, 0, 'landed')",
            START,
            START + timedelta(hours=1),
        )
        self.certify()

    def write(self, changes: dict[tuple[str, tuple[int, ...], int], tuple[int, float | None] | None]) -> None:
        """Writes and removes (None) rows and notes them, in one transaction, as a run of dbt does."""
        statements = []
        for (view, key, hours), values in changes.items():
            names = ", ".join(VIEWS[view])
            row = f"{', '.join(map(str, key))}, timestamptz '{START + timedelta(hours=hours)}'"
            statements.append(f"insert into ops.changed_{view} values ({row})")
            statements.append(f"delete from features.{view} where ({names}, as_of) = ({row})")
            if values is None:
                self.rows.pop((view, key, hours), None)
            else:
                self.rows[view, key, hours] = values
                rate = "null" if values[1] is None else repr(values[1])
                statements.append(f"insert into features.{view} values ({row}, {values[0]}, {rate})")
        if statements:
            self.database.query("; ".join(statements))

    def certify(self, *, gates: bool = True) -> None:
        """Marks the views as built from what is landed, and as proven unless told otherwise."""
        version = str(uuid.uuid4())
        upstream = {"stg_toy__events": "load", UPSTREAM: "stg_toy__events", **dict.fromkeys(VIEWS, UPSTREAM)}
        load_id = self.database.value("select load_id from ops.loads where status = 'landed'")
        for model, source in upstream.items():
            resting_on = str(load_id) if source == "load" else f"{source}:{version}"
            self.database.query(
                "insert into ops.built_partitions (model, partition_start, upstream_version, version)"
                " values (%s, %s, %s, %s) on conflict (model, partition_start) do update"
                " set upstream_version = excluded.upstream_version, version = excluded.version",
                model,
                START,
                resting_on,
                version,
            )
        if gates:
            self.database.query(
                "insert into ops.certified_partitions (model, partition_start, version)"
                " select model, partition_start, version from ops.built_partitions"
                " on conflict (model, partition_start) do update set version = excluded.version"
            )

    def connected(self, work: Any) -> Any:
        """Runs `work(connection)` on a connection of its own."""

        async def run() -> Any:
            connection = await postgres.connect(self.database.settings)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(run())

    def publish(self, **options: Any) -> Published | None:
        """Publishes what the views hold."""
        return self.connected(lambda connection: publish(connection, self.database.settings, **options))

    def approve(self) -> None:
        """Gives leave to all that the views would change now."""

        async def work(connection: Connection) -> None:
            active = await ledger.active_release(connection)
            before = await views_of_release(connection, active or 0)
            changes = view_changes(before, await candidate_views(connection), Definitions({}))
            await connection.execute(
                "insert into ops.approvals (plan_hash, approved_by, plan) values ('toy', 'tests', $1)",
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

    def seen(self, release: int | None = None) -> Rows:
        """What consumers see through the plain views, or what a release holds."""
        found: Rows = {}
        for view, key in VIEWS.items():
            source = f"feature_store.{view}"
            where = ""
            if release is not None:
                source += "_history"
                where = (
                    f"where valid_from_release <= {release}"
                    f" and (valid_to_release is null or valid_to_release > {release})"
                )
            for row in self.database.query(
                f"select {', '.join(key)}, as_of, events_count, rate from {source} {where}"
            ):
                found[view, row[: len(key)], hours_of(row[len(key)])] = row[-2:]
        return found

    def online(self) -> Rows:
        """What the online tables hold."""
        found: Rows = {}
        for view, key in VIEWS.items():
            for row in self.database.query(
                f"select {', '.join(key)}, as_of, events_count, rate from feature_store.{view}_online"
            ):
                found[view, row[: len(key)], hours_of(row[len(key)])] = row[-2:]
        return found


def newest(rows: Rows) -> Rows:
    """The newest row of every key."""
    last: dict[tuple[str, tuple[int, ...]], int] = {}
    for view, key, hours in rows:
        last[view, key] = max(hours, last.get((view, key), hours))
    return {(view, key, hours): rows[view, key, hours] for (view, key), hours in last.items()}


def hours_of(instant: datetime) -> int:
    """Hours after START."""
    return int((instant - START) / timedelta(hours=1))


def built_store(database: Database) -> ToyStore:
    """Feature views that are built and proven, nothing published."""
    made = ToyStore(database)
    made.create()
    made.write({**ONE, **PAIR})
    return made


def publish_new(store: ToyStore, **options: Any) -> Any:
    """Publishes something new."""
    published = store.publish(**options)
    assert published is not None
    return published
