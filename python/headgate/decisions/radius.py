"""What a decision on a load touches: models, feature rows and releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.report import began
from headgate.store import ledger
from headgate.store.views import quoted

LOAD = """
    select load_id, source, entity, contract_source, partition_start, partition_end, uri, status, appended,
        rows_landed, rows_rejected, finished_at, expired_at
    from ops.loads where load_id = $1
"""
#: Models by the schema that they stand in.
MODELS = """
    select built.model, schemaname = 'features' as is_feature_view
    from ops.built_partitions as built
    left join pg_tables on tablename = built.model and schemaname in ('typed', 'features', 'monitoring')
    where abs(built.load_id) = $1
    order by is_feature_view nulls first, built.model
"""
#: What passed its gates with the help of a decision has to pass them again without it.
FORGET_PROOF = """
    delete from ops.{} as certified
    using ops.built_partitions as built
    where
        built.load_id = $1
        and certified.version = built.version
        and certified.source = built.source
        and certified.partition_start = built.partition_start
"""
#: Releases that were made from a load: it was added, and not removed since.
RELEASES = f"""
    with {ledger.HELD}

    select releases.release_id
    from held
    inner join ops.releases as releases
        on releases.release_id >= held.since and (held.until is null or releases.release_id < held.until)
    where held.load_id = $1 and releases.status = 'kept'
    order by releases.release_id
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One row of `ops.loads`, as decisions need it."""

    load_id: int
    source: str
    entity: str
    #: The source whose contract and models hold for its records.
    contract_source: str
    partition_start: datetime
    partition_end: datetime
    uri: str
    status: str
    appended: bool
    rows_landed: int | None
    rows_rejected: int | None
    finished_at: datetime | None
    #: When its records were removed, because they were older than their source keeps them.
    expired_at: datetime | None

    @property
    def title(self) -> str:
        """The load in words."""
        return (
            f"load {self.load_id}: {self.source}.{self.entity} "
            f"{began(self.partition_start):%Y-%m-%dT%H:%M}/{self.partition_end:%Y-%m-%dT%H:%M}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The load for programs (`--json`)."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class ViewRows:
    """The rows of a feature view whose values may rest on a load."""

    view: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, kw_only=True)
class Radius:
    """What was built from a load, and which releases hold it."""

    models: list[str]
    views: list[ViewRows]
    releases: list[int]
    active: int | None
    #: (release, name and version) of datasets that are bound to these releases.
    bound: list[tuple[int, str]]

    def as_dict(self) -> dict[str, Any]:
        """The radius for programs (`--json`)."""
        return {
            "models": self.models,
            "feature_views": [
                {
                    **vars(view),
                    "first": view.first.isoformat() if view.first else None,
                    "last": view.last.isoformat() if view.last else None,
                }
                for view in self.views
            ],
            "releases": self.releases,
            "active_release": self.active,
            "bound": [{"release": number, "what": what} for number, what in self.bound],
        }


async def read_load(connection: Connection, load_id: int, *, lock: bool = False) -> Load:
    """A load; with `lock` nobody else changes its row until the transaction ends.

    Raises:
        UsageError: there is none of this number.
    """
    row = await connection.fetchrow(LOAD + (" for update" if lock else ""), load_id)
    if row is None:
        raise UsageError(
            f"load {load_id}",
            expected="the number of a load",
            found="no such load",
            next_step="run `headgate loads list` to see them",
        )
    return Load(**row)


async def radius_of(connection: Connection, load: Load) -> Radius:
    """What was built from a load: partitions of models, rows of feature views, releases."""
    built = await connection.fetch(MODELS, load.load_id)
    since = load.partition_start - await _tolerance(connection)
    views = [await _rows(connection, row["model"], since) for row in built if row["is_feature_view"]]
    releases = [row["release_id"] for row in await connection.fetch(RELEASES, load.load_id)]
    bound = await ledger.bound_releases(connection, releases[0], releases[-1]) if releases else []
    return Radius(
        models=[row["model"] for row in built],
        views=views,
        releases=releases,
        active=await ledger.active_release(connection),
        bound=[(number, what) for number, what in bound if number in releases],
    )


async def forget_proof(connection: Connection, load_id: int) -> None:
    """Has the next build run the gates of everything that was built from a load."""
    for table in ("certified_partitions", "verdicts"):
        await connection.execute(FORGET_PROOF.format(table), load_id)


async def _rows(connection: Connection, view: str, since: datetime) -> ViewRows:
    """An event counts from its hour on, and may look back for ever: every later row may change."""
    row = await connection.fetchrow(
        "select count(*) as rows, min(as_of) as first, max(as_of) as last"
        f" from features.{quoted(view)} where as_of > $1",
        since,
    )
    assert row is not None, "an aggregate has one row"
    return ViewRows(view, **row)


async def _tolerance(connection: Connection) -> timedelta:
    """How far before its partition an event may lie."""
    if await connection.fetchval("select to_regclass('typed.contract_paths')") is None:
        return timedelta()
    hours = await connection.fetchval("select max(time_tolerance_hours) from typed.contract_paths")
    return timedelta(hours=hours or 0)
