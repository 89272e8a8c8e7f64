"""A feature store with few rows that a test knows: tables as dbt would leave them, published for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from headgate.store.reading.blocking import SyncFeatureStore
from tests.store import HOUR, Store, instant
from tests.support import Database

START = instant(2026, 3)
VIEW = "repository_activity"


def at(hours: float) -> datetime:
    """An instant so many hours after the start."""
    return START + hours * HOUR


class SmallStore(Store):
    """Feature views of a test's own making; `publish` makes what stands the next release."""

    source = "gharchive"
    start = START

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
        self.certify()
        self.approve()
        done = self.publish_built(compare_all=True)
        assert done is not None, "nothing to publish"
        return done.release_id


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


def training_set(features: SyncFeatureStore, spine: Any, **options: Any) -> pa.Table:
    """What a spine gets of `repository_activity`."""
    with features.training_set(spine, VIEW, **options) as joined:
        return joined.read_all()
