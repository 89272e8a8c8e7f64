"""Small feature views that tests write themselves, as dbt would: tables, noted changes, ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headgate.store.new_release import Published
from tests.store import UPSTREAM, Store, instant
from tests.support import Database

__all__ = ["UPSTREAM"]

START = instant(2016)
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
    create table ops.changed_pair_activity as select toy_id, other_id, as_of from features.pair_activity;
    select ops.hand_over('features.toy_activity'), ops.hand_over('features.pair_activity')
"""

#: (view, key, hours after START) -> (events_count, rate)
Rows = dict[tuple[str, tuple[int, ...], int], tuple[int, float | None]]


@dataclass
class ToyStore(Store):
    """Two feature views in a database, and what they hold."""

    source = "toy"
    start = START
    rows: Rows = field(default_factory=dict)

    def create(self) -> None:
        """Makes the tables and one landed hour that they were built from."""
        self.database.query(CREATE)
        self.land()
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

    def publish(self, **options: Any) -> Published | None:
        """Publishes what the views hold."""
        return self.publish_built(**options)

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
