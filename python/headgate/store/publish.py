"""Publishing: one transaction over all feature views that makes what dbt built the next release."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from headgate.change import Change
from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import ledger, shape
from headgate.store.approval import OTHER_KEYS, publishable_changes, require_leave, spend
from headgate.store.changes import Counts
from headgate.store.forward import Work, bring_all_forward
from headgate.store.new_release import Published, views_shown, write_release
from headgate.store.readiness import Readiness, read_readiness
from headgate.store.view_changes import changed_keys
from headgate.store.views import FeatureView, fetch_one, keys_held, views_of_release

#: Room for new columns is made between two tries; a build meanwhile may need more.
TRIES = 3

LOADS = f"""
    with {ledger.HELD},

    published as (select load_id from held where until is null),

    built as (
        select loads.load_id from ops.loads
        where
            loads.status = 'landed'
            and loads.contract_source = any($2)
            and exists (
                select from ops.built_partitions as built
                where
                    built.model = any($1)
                    and built.source = loads.contract_source
                    and built.partition_start = loads.partition_start
            )
    ),

    -- What views rest on that are held back stays as it was.
    kept_back as (
        select published.load_id from published
        inner join ops.loads using (load_id)
        where loads.contract_source = any($3)
    )

    select
        array(select load_id from built except select load_id from published order by 1) as added,
        array(
            select load_id from published
            except select load_id from built
            except select load_id from kept_back
            order by 1
        ) as removed,
        array(select load_id from built union select load_id from kept_back) as held
"""

#: Asked with a connection in the transaction and the number of the new release.
Requirement = Callable[[Connection, int], Awaitable[None]]


class _NothingNewError(Exception):
    """The newest release holds all that was built; undoes the transaction: it may have passed a rollback."""

    def __init__(self, work: Work) -> None:
        self.work = work
        super().__init__()


async def publish(
    connection: Connection,
    settings: Settings,
    *,
    compare_all: bool = False,
    require: Requirement | None = None,
) -> Published | None:
    """Makes what dbt built the active release; None when the newest release holds all of it already.

    The newest release may be one that a rollback left: what was rolled back is not published again by itself.

    Args:
        connection: not in a transaction.
        settings: to find the project that is described in the ledger.
        compare_all: compare every row instead of those that dbt noted as touched.
        require: asked with the new release's number before it becomes active; what it raises undoes all.

    Raises:
        GateFailed: a gate failed, was skipped, or is older than the data, so that no view is ready.
        ConfirmationRequired: a change that breaks consumers, in no approved plan.
        HeadgateError: a feature view is not built from what is landed now, or partly from other SQL.
    """
    started = time.monotonic()
    async with ledger.exclusive(connection):
        for _ in range(TRIES):
            try:
                published, room = await _attempt(
                    connection, settings, started, compare_all=compare_all, require=require
                )
            except _NothingNewError as nothing:
                await _remember_sources(connection, nothing.work)
                if nothing.work.readiness.held:
                    raise next(iter(nothing.work.readiness.held.values())) from None
                return None
            if published is not None:
                return published
            for statement in room:
                await shape.without_queueing(connection, statement)
    raise HeadgateError(
        "feature views to publish",
        expected="no change of their columns while they are published",
        found="another one each time",
        next_step="publish again when the build has ended",
    )


async def _attempt(
    connection: Connection,
    settings: Settings,
    started: float,
    *,
    compare_all: bool,
    require: Requirement | None,
) -> tuple[Published | None, list[str]]:
    """The transaction. Without room for a column it does nothing, and gives the DDL that makes it."""
    async with connection.transaction(isolation="repeatable_read"):
        work = await _look(connection)
        changes = await _changes(connection, work)
        views, room = await _places(connection, work)
        if room:
            await require_leave(connection, changes)
            return None, room
        counts = await bring_all_forward(connection, work, views, compare_all=compare_all)
        loads = dict(await fetch_one(connection, LOADS, *_resting(work)))
        await _require_news(connection, work, counts, loads, changes)
        # Not before: what a rollback left stays where it is without anybody's leave.
        await require_leave(connection, changes)
        published = await write_release(connection, settings, work, views, changes, counts, loads, started)
        await spend(connection, changes, work.next)
        if require:
            await require(connection, work.next)
        return published, []


async def _look(connection: Connection) -> Work:
    """What stands and what is to be published, in one snapshot; refuses what is not ready.

    Views that are held back stay as the newest release has them. After a rollback that is not what consumers
    see: then nothing goes without the others.
    """
    newest = await ledger.newest_release(connection)
    active = await ledger.active_release(connection)
    candidates = await shape.candidate_views(connection)
    # A project whose last view was removed has none to show: consumers are asked as for any that goes.
    readiness = await read_readiness(connection, candidates) if candidates or not newest else Readiness()
    if readiness.held and active != (newest or None):
        raise next(iter(readiness.held.values()))
    return Work(
        newest,
        active,
        await views_of_release(connection, newest),
        {name: candidates[name] for name in readiness.ready},
        kept=candidates.keys() - set(readiness.ready),
        readiness=readiness,
    )


def _resting(work: Work) -> tuple[list[str], list[str], list[str]]:
    """The views that are published, the sources they rest on, and those of views that stay as they were."""
    sources_of = work.readiness.sources_of
    return list(work.candidates), sources_of(work.candidates), sources_of(work.kept & work.published.keys())


async def _places(connection: Connection, work: Work) -> tuple[dict[str, FeatureView], list[str]]:
    """Where each column is kept, and the DDL that has to come first.

    That is for outside the transaction: a column takes a lock that readers would wait for.
    """
    views, room = {}, []
    for name, candidate in work.candidates.items():
        views[name], statements = await shape.place(connection, candidate, work.next)
        room += statements
    return views, room


async def _changes(connection: Connection, work: Work) -> list[Change]:
    """Refuses what is mixed, and another key; else what changes for consumers."""
    shown = await views_shown(connection, work)
    changes = await publishable_changes(connection, work.candidates, shown)
    rekeyed = changed_keys(await keys_held(connection), work.candidates)
    if rekeyed:
        raise HeadgateError(
            f"entity key of {', '.join(change.name for change in rekeyed)}",
            expected="the same key in every release that has it",
            found="; ".join(change.sentence() for change in rekeyed),
            next_step=OTHER_KEYS,
        )
    return changes


async def _require_news(
    connection: Connection,
    work: Work,
    counts: dict[str, Counts],
    loads: Mapping[str, list[int]],
    changes: list[Change],
) -> None:
    """Raises when the newest release holds all of it; after a rollback that is not the one consumers see."""
    differ = any(count.added or count.changed or count.closed for count in counts.values())
    if not work.newest or differ or loads["added"] or loads["removed"]:
        return
    if work.active != work.newest:
        changes = await publishable_changes(connection, work.candidates, work.changing)
    if not changes:
        raise _NothingNewError(work)


async def _remember_sources(connection: Connection, work: Work) -> None:
    """Tables that were built anew and hold the same are the ones to compare with from now on."""
    for name, view in work.candidates.items():
        await connection.execute(
            "update ops.release_views set source_relation = $3"
            " where release_id = $1 and view = $2 and source_relation <> $3",
            work.newest,
            name,
            view.source_relation,
        )
