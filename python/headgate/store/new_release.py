"""A new release as it is written down: the ledger, what consumers see, and what is told of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.change import Change
from headgate.gates.waivers import waivers
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import ledger, provenance, reach, shape
from headgate.store.changes import Counts
from headgate.store.forward import Work
from headgate.store.view_changes import with_meaning
from headgate.store.views import FeatureView, fetch_one, views_of_release

UNCHANGED = Counts(added=0, changed=0, closed=0, entities=0)

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


async def write_release(
    connection: Connection,
    settings: Settings,
    work: Work,
    views: Mapping[str, FeatureView],
    changes: list[Change],
    counts: dict[str, Counts],
    loads: Mapping[str, list[int]],
    started: float,
) -> Published:
    """Writes the ledger and moves the active release, in the caller's transaction."""
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
    shown = await views_shown(connection, work)
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
    await _show(connection, shown, views)
    return published


async def views_shown(connection: Connection, work: Work) -> dict[str, FeatureView]:
    """What consumers see, but for views that stay as they are."""
    shown = await views_of_release(connection, work.active) if work.active else {}
    return {name: view for name, view in shown.items() if name not in work.kept}


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


async def _show(
    connection: Connection, shown: Mapping[str, FeatureView], views: Mapping[str, FeatureView]
) -> None:
    """The plain views: last, because a changed one takes a lock that readers wait for."""
    for name, view in views.items():
        await shape.show(connection, shown.get(name), view)
    for name in shown.keys() - views.keys():
        await shape.hide(connection, name)
