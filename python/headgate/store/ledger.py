"""The ledger of releases, their feature views and the audit log; the active release."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from headgate.errors import UsageError
from headgate.postgres import locks
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.store.changes import Counts
from headgate.store.views import FeatureView

#: CTE: which loads releases hold, since which and until which one (null: the newest holds it).
#: A load that was discarded and restored is added twice: the newest word on it counts.
HELD = """
    told as (
        select release_id, unnest(loads_added) as load_id, true as is_held from ops.releases
        union all
        select release_id, unnest(loads_removed), false from ops.releases
    ),

    intervals as (
        select load_id, is_held, release_id as since,
            lead(release_id) over (partition by load_id order by release_id) as until
        from told
    ),

    held as (select load_id, since, until from intervals where is_held)
"""
#: Whoever changes what consumers see holds this lock.
LOCK = "the feature store"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One row of `ops.releases`."""

    release_id: int
    parent_release: int | None
    #: kept, abandoned (published after a rollback past it) or compacted
    status: str
    published_at: datetime
    published_by: str
    #: Every view covers every event before this instant; see `ops.release_views` for each of them.
    processed_to: datetime | None
    loads_added: list[int]
    loads_removed: list[int]
    #: Hash of the dbt project's files at the time.
    project_hash: str | None
    git_revision: str | None
    #: Gates that stood behind it: passed, warned, last_ran_at.
    gates: dict[str, Any]
    seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        """The release for programs (`--json`)."""
        instants = {
            name: value.isoformat() if value else None
            for name, value in (("published_at", self.published_at), ("processed_to", self.processed_to))
        }
        return {**self.__dict__, **instants}


@asynccontextmanager
async def exclusive(connection: Connection) -> AsyncIterator[None]:
    """No other publisher, rollback or compaction while this lasts; waits for one that is at work."""
    async with locks.held(connection, LOCK):
        yield


async def active_release(connection: Connection) -> int | None:
    """The number of the release that consumers see; None before the first publish."""
    number: int | None = await connection.fetchval("select release_id from feature_store.active_release")
    return number


async def newest_release(connection: Connection) -> int:
    """The number of the newest release, which the histories stand at; 0 before the first publish."""
    number: int = await connection.fetchval("select coalesce(max(release_id), 0) from ops.releases")
    return number


async def all_releases(connection: Connection) -> list[Release]:
    """Every release, newest first."""
    rows = await connection.fetch("select * from ops.releases order by release_id desc")
    return [_release(row) for row in rows]


async def release(connection: Connection, release_id: int) -> Release:
    """One release.

    Raises:
        UsageError: there is none of this number.
    """
    row = await connection.fetchrow("select * from ops.releases where release_id = $1", release_id)
    if row is None:
        newest = await newest_release(connection)
        raise UsageError(
            f"release {release_id}",
            expected=f"a number from 1 to {newest}" if newest else "at least one release",
            found="no such release" if newest else "nothing published yet",
            next_step="run `headgate releases` to see them" if newest else "run `headgate publish`",
        )
    return _release(row)


def _release(row: asyncpg.Record) -> Release:
    return Release(**{**dict(row), "gates": json.loads(row["gates"])})


async def add_view(
    connection: Connection,
    release_id: int,
    view: FeatureView,
    counts: Counts,
    rows_total: int,
    processed_to: datetime | None,
) -> None:
    """Records one feature view of a release."""
    keys = [{"name": name, "type": kind, "stored_as": name} for name, kind in view.keys]
    await connection.execute(
        """
        insert into ops.release_views (
            release_id, view, version, keys, columns, definition, meaning, source_relation,
            rows_total, rows_added, rows_changed, rows_closed, entities_changed, processed_to
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """,
        release_id,
        view.name,
        view.version,
        list(view.key_names),
        json.dumps([*keys, *(column.as_dict() for column in view.columns)]),
        view.definition,
        view.meaning,
        view.source_relation,
        rows_total,
        counts.added,
        counts.changed,
        counts.closed,
        counts.entities,
        processed_to,
    )


async def activate(connection: Connection, release_id: int, processed_to: datetime | None) -> None:
    """Makes a release the one that consumers see, from the commit on."""
    await connection.execute(
        """
        insert into feature_store.active_release (release_id, processed_to) values ($1, $2)
        on conflict (singleton) do update set
            release_id = excluded.release_id,
            processed_to = excluded.processed_to,
            active_since = clock_timestamp()
        """,
        release_id,
        processed_to,
    )


async def add_event(
    connection: Connection, action: str, before: int | None, after: int | None, details: dict[str, Any]
) -> None:
    """Writes the audit log."""
    await connection.execute(
        "insert into ops.release_events (action, actor, from_release, to_release, details)"
        " values ($1, $2, $3, $4, $5)",
        action,
        await actor(connection),
        before,
        after,
        json.dumps(details),
    )


async def bound_releases(connection: Connection, low: int, high: int) -> list[tuple[int, str]]:
    """Datasets that are bound to releases from `low` to `high`: (release, name and version)."""
    rows = await connection.fetch(
        "select release_id, format('dataset %s version %s', name, version) as bound from ops.datasets"
        " where release_id between $1 and $2 order by dataset_id",
        low,
        high,
    )
    return [(row["release_id"], row["bound"]) for row in rows]
