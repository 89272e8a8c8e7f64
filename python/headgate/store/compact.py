"""Compaction: releases that nobody needs any more give back the rows that only they hold."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store.views import history

ALL_VIEWS = "select distinct view from ops.release_views order by view"


@dataclass(frozen=True)
class Compaction:
    """Which releases go, and how many rows of each history go with them."""

    releases: list[int]
    kept: list[int]
    #: Old releases that stay because something is bound to them: (release, what).
    bound: list[tuple[int, str]]
    rows: dict[str, int]


async def plan(connection: Connection, keep: int) -> Compaction:
    """What keeping the active release, the newest, what is bound, and the last `keep` would remove."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await _plan(connection, keep)


async def compact(connection: Connection, keep: int) -> Compaction:
    """Removes the rows that only releases beyond the retention hold; one transaction."""
    async with ledger.exclusive(connection), connection.transaction(isolation="repeatable_read"):
        compaction = await _plan(connection, keep)
        for view in compaction.rows:
            await connection.execute(f"delete {_unreachable(view)}", compaction.kept)
        await connection.execute(
            "update ops.releases set status = 'compacted' where release_id = any($1)", compaction.releases
        )
        if compaction.releases:
            active = await ledger.active_release(connection)
            await ledger.add_event(
                connection,
                "compact",
                active,
                active,
                {"releases": compaction.releases, "rows": compaction.rows},
            )
        return compaction


async def _plan(connection: Connection, keep: int) -> Compaction:
    releases = await ledger.all_releases(connection)
    present = [release.release_id for release in releases if release.status != "compacted"]
    needed = {number for number in (await ledger.active_release(connection), *present[:1]) if number}
    usable = [release.release_id for release in releases if release.status == "kept"]
    bound = await ledger.bound_releases(connection, 1, max(present, default=0))
    kept = needed | set(usable[:keep]) | {number for number, _ in bound}
    going = sorted(set(present) - kept)
    rows = {}
    if going:
        for row in await connection.fetch(ALL_VIEWS):
            count = await connection.fetchval(f"select count(*) {_unreachable(row['view'])}", sorted(kept))
            if count:
                rows[row["view"]] = count
    beyond = [(number, what) for number, what in bound if number not in needed | set(usable[:keep])]
    return Compaction(going, sorted(kept), beyond, rows)


def _unreachable(view: str) -> str:
    """Rows that no kept release ($1) holds; rows still valid belong to the newest, which is always kept."""
    return f"""
        from {history(view)} as held
        where
            held.valid_to_release is not null
            and not exists (
                select from unnest($1::int[]) as kept
                where kept >= held.valid_from_release and kept < held.valid_to_release
            )
    """
