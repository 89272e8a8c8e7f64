"""Publishing: one transaction over all feature views that makes what dbt built the next release."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.change import Change
from headgate.errors import HeadgateError
from headgate.gates.waivers import waivers
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import ledger, provenance, reach, shape
from headgate.store.approval import publishable_changes, require_leave
from headgate.store.changes import Counts
from headgate.store.forward import Work, bring_all_forward
from headgate.store.readiness import read_readiness
from headgate.store.view_changes import with_meaning
from headgate.store.views import FeatureView, fetch_one, views_of_release

UNCHANGED = Counts(added=0, changed=0, closed=0, entities=0)
#: Room for new columns is made between two tries; a build meanwhile may need more.
TRIES = 3

LOADS = """
    with published as (
        select load_id from ops.releases cross join unnest(loads_added) as load_id
        except
        select load_id from ops.releases cross join unnest(loads_removed) as load_id
    ),

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
    held as (
        select published.load_id from published
        inner join ops.loads using (load_id)
        where loads.contract_source = any($3)
    )

    select
        array(select load_id from built except select load_id from published order by 1) as added,
        array(
            select load_id from published
            except select load_id from built
            except select load_id from held
            order by 1
        ) as removed,
        array(select load_id from built union select load_id from held) as held
"""

GATES = """
    select
        count(*) filter (where status = 'pass') as passed,
        count(*) filter (where status = 'warn') as warned,
        max(ran_at) as last_ran_at
    from (select distinct on (gate) * from ops.gate_results order by gate, ran_at desc) as newest
"""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a publish did."""

    release_id: int
    parent_release: int | None
    #: Releases that nobody can come back to: a rollback to the parent had left them.
    abandoned: list[int]
    #: Up to which instant each view covers every event.
    processed_to: dict[str, datetime | None]
    loads_added: list[int]
    loads_removed: list[int]
    views: dict[str, Counts]
    changes: list[Change]
    gates: dict[str, Any]
    #: Views that stay as they were, or out, and why.
    held: dict[str, str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The outcome for programs and for Mage; a release is processed to where all of its views are."""

        def told(instant: datetime | None) -> str | None:
            return instant.isoformat() if instant else None

        return {
            **self.__dict__,
            "processed_to": told(reach.earliest(self.processed_to.values())),
            "views": {
                name: {**counts.__dict__, "processed_to": told(self.processed_to.get(name))}
                for name, counts in self.views.items()
            },
            "changes": [_told(change) for change in self.changes],
        }


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
        published = await _release(connection, settings, work, views, changes, counts, loads, started)
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
    readiness = await read_readiness(connection, candidates)
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
    shown = await _shown(connection, work)
    changes = await publishable_changes(connection, work.candidates, shown)
    rekeyed = [change for change in changes if change.kind == "changed keys"]
    if rekeyed:
        raise HeadgateError(
            f"entity key of {', '.join(change.name for change in rekeyed)}",
            expected="the same key in every release",
            found="; ".join(change.sentence() for change in rekeyed),
            next_step="give the model a new version beside the old one (dbt model versions)",
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


async def _release(
    connection: Connection,
    settings: Settings,
    work: Work,
    views: Mapping[str, FeatureView],
    changes: list[Change],
    counts: dict[str, Counts],
    loads: Mapping[str, list[int]],
    started: float,
) -> Published:
    """Writes the ledger and moves the active release."""
    published = Published(
        release_id=work.next,
        parent_release=work.active,
        abandoned=await _abandon(connection, work),
        processed_to={**await _kept_at(connection, work), **await reach.processed_to(connection, views)},
        loads_added=loads["added"],
        loads_removed=loads["removed"],
        views=counts,
        changes=changes,
        gates=await _gates(connection, loads["held"]),
        held={name: error.found for name, error in work.readiness.held.items()},
        seconds=time.monotonic() - started,
    )
    await _write_ledger(connection, settings, published)
    kept = {name: view for name, view in work.published.items() if name in work.kept}
    shown = await _shown(connection, work)
    meant = {name: with_meaning(view, shown.get(name), changes) for name, view in views.items()}
    for name, view in {**kept, **meant}.items():
        before = await connection.fetchval(
            "select rows_total from ops.release_views where release_id = $1 and view = $2", work.newest, name
        )
        count = counts.get(name, UNCHANGED)
        total = (before or 0) + count.added - count.closed
        reached = published.processed_to[name]
        await ledger.add_view(connection, work.next, view, count, total, reached)
    await ledger.activate(connection, work.next, reach.earliest(published.processed_to.values()))
    details = {
        "abandoned": published.abandoned,
        "held": published.held,
        "changes": [_told(change) for change in changes],
    }
    await ledger.add_event(connection, "publish", work.active, work.next, details)
    await _show(connection, work, views)
    return published


async def _kept_at(connection: Connection, work: Work) -> dict[str, datetime | None]:
    """How far views are processed that stay as they were."""
    rows = await connection.fetch(
        "select view, processed_to from ops.release_views where release_id = $1 and view = any($2)",
        work.newest,
        list(work.kept),
    )
    return {row["view"]: row["processed_to"] for row in rows}


def _told(change: Change) -> str:
    return f"{change.name}: {change.sentence()}"


async def _gates(connection: Connection, loads: Sequence[int]) -> dict[str, Any]:
    """What stands behind a release: results, and the waivers for loads that it holds."""
    gates = dict(await fetch_one(connection, GATES))
    waived = [waiver for waiver in await waivers(connection) if waiver.load_id in loads]
    return {
        **gates,
        "last_ran_at": gates["last_ran_at"].isoformat() if gates["last_ran_at"] else None,
        "waived": [{**waiver.as_dict(), "sentence": waiver.sentence()} for waiver in waived],
    }


async def _write_ledger(connection: Connection, settings: Settings, published: Published) -> None:
    await connection.execute(
        """
        insert into ops.releases (
            release_id, parent_release, published_by, processed_to, loads_added, loads_removed,
            project_hash, git_revision, gates, seconds
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        published.release_id,
        published.parent_release,
        await actor(connection),
        reach.earliest(published.processed_to.values()),
        published.loads_added,
        published.loads_removed,
        provenance.project_hash(settings.project_dir),
        provenance.git_revision(settings.project_dir),
        json.dumps(published.gates),
        published.seconds,
    )


async def _abandon(connection: Connection, work: Work) -> list[int]:
    """Releases between the active one and the newest, which a rollback had left, can not be come back to."""
    if work.active is None or work.active == work.newest:
        return []
    rows = await connection.fetch(
        "update ops.releases set status = 'abandoned'"
        " where release_id > $1 and release_id < $2 and status = 'kept' returning release_id",
        work.active,
        work.next,
    )
    return sorted(row["release_id"] for row in rows)


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


async def _show(connection: Connection, work: Work, views: Mapping[str, FeatureView]) -> None:
    """The plain views: last, because a changed one takes a lock that readers wait for."""
    shown = await _shown(connection, work)
    for name, view in views.items():
        await shape.show(connection, shown.get(name), view)
    for name in shown.keys() - views.keys():
        await shape.hide(connection, name)


async def _shown(connection: Connection, work: Work) -> dict[str, FeatureView]:
    """What consumers see, but for views that stay as they are."""
    shown = await views_of_release(connection, work.active) if work.active else {}
    return {name: view for name, view in shown.items() if name not in work.kept}
