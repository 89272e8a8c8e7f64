"""The rows of a publish: histories and online tables become what dbt built, and that is proven."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection
from headgate.store.changes import Counts, ViewStatements
from headgate.store.readiness import Readiness
from headgate.store.views import FeatureView, fetch_one

#: Histories that grew by more than this share get fresh statistics before the next statements need them.
ANALYZE_FROM_SHARE = 0.5


@dataclass(frozen=True)
class Work:
    """What a publish starts from, in one snapshot."""

    newest: int
    active: int | None
    published: dict[str, FeatureView]
    #: What is ready to be published.
    candidates: dict[str, FeatureView]
    #: Names of views that dbt has and that stay as they are: they are not ready, or nothing of theirs landed.
    kept: Set[str]
    readiness: Readiness

    @property
    def next(self) -> int:
        """The number of the release that is being made."""
        return self.newest + 1

    @property
    def changing(self) -> dict[str, FeatureView]:
        """What the newest release has, but for views that stay as they are."""
        return {name: view for name, view in self.published.items() if name not in self.kept}


async def bring_all_forward(
    connection: Connection, work: Work, views: Mapping[str, FeatureView], *, compare_all: bool
) -> dict[str, Counts]:
    """Brings the histories and online tables of all feature views to what dbt built; what differed, by view.

    Args:
        connection: in the transaction of the publish.
        work: what the publish starts from, looked up in that transaction.
        views: what is published, with the place of each column.
        compare_all: compare every row instead of those that dbt noted as touched.

    Raises:
        HeadgateError: a row is not as it was built; the transaction is to be undone.
    """
    await connection.execute("set local work_mem = '64MB'")
    counts = {}
    for name, view in views.items():
        counts[name] = await _bring_forward(connection, work, view, compare_all=compare_all)
    for name in work.changing.keys() - views.keys():
        counts[name] = await _end(connection, work, work.published[name])
    return counts


async def _bring_forward(
    connection: Connection, work: Work, view: FeatureView, *, compare_all: bool
) -> Counts:
    """Copies what differs from the newest release, and proves it."""
    statements = ViewStatements(view)
    await connection.execute(statements.create_work_tables())
    before = work.published.get(view.name)
    is_logged = await connection.fetchval("select to_regclass($1) is not null", statements.log)
    if (
        not compare_all
        and is_logged
        and before is not None
        and before.source_relation == view.source_relation
        and before.columns == view.columns
    ):
        await connection.execute(statements.find_logged())
    else:
        await connection.execute(statements.find_differing())
    await connection.execute("analyze changed")
    await connection.execute(statements.close_changed(work.next))
    await connection.execute(statements.insert(work.next))
    if is_logged:
        await connection.execute(f"delete from {statements.log}")
    counts = await _refresh_online(connection, work, statements)
    await _require_none(connection, statements.count_unpublished(), view.name, "rows as dbt built them")
    return counts


async def _end(connection: Connection, work: Work, view: FeatureView) -> Counts:
    """Closes all rows of a feature view that the project has not any more."""
    statements = ViewStatements(view)
    await connection.execute(statements.create_work_tables())
    await connection.execute(statements.find_vanished())
    await connection.execute(statements.close_vanished(work.next))
    return await _refresh_online(connection, work, statements)


async def _refresh_online(connection: Connection, work: Work, statements: ViewStatements) -> Counts:
    """Brings the online table along, from whatever release was active."""
    await connection.execute(statements.touch())
    counts = Counts(**dict(await fetch_one(connection, statements.count())))
    if work.active is not None and work.active < work.newest:
        await connection.execute(statements.touch_between(work.active, work.newest))
    await connection.execute("analyze touched")
    await _analyze_grown(connection, statements, counts)
    await connection.execute(statements.refresh_online(work.next))
    if counts.closed or work.active != work.newest:
        await connection.execute(statements.remove_vanished_online(work.next))
    stale = statements.count_stale_online(work.next)
    await _require_none(connection, stale, statements.view.name, "the newest row of every entity online")
    return counts


async def _analyze_grown(connection: Connection, statements: ViewStatements, counts: Counts) -> None:
    rows = await connection.fetchval(
        "select greatest(reltuples, 0) from pg_class where oid = to_regclass($1)", statements.history
    )
    if counts.added + counts.changed > rows * ANALYZE_FROM_SHARE:
        await connection.execute(f"analyze {statements.history}")


async def _require_none(connection: Connection, count: str, view: str, promise: str) -> None:
    """Proof inside the transaction: raises, and so undoes everything, when a row is not as promised."""
    found = await connection.fetchval(count)
    if found:
        raise HeadgateError(
            f"publish of {view}",
            expected=promise,
            found=f"{found} that are not; nothing was published",
            next_step="run `headgate publish --compare-all`, and report this",
        )
