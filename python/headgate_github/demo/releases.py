"""What the demonstration tells of releases: a correction as a diff, a rollback, the way forward again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from headgate import postgres
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import diff, ledger, rollback
from headgate.store.diff import ViewDiff

#: A number that consumers see: it changes with the release.
SEEN = "select sum(events_count_24h) from feature_store.repository_activity_online"


@dataclass(frozen=True)
class Story:
    """Two releases: the one of the cut hour and the one of the whole hour, and what consumers saw when."""

    before: int
    after: int
    differences: list[ViewDiff]
    #: (the release that was active, the number that consumers saw, seconds that the move took)
    seen: list[tuple[int, int, float | None]]


async def tell_releases(settings: Settings) -> Story | None:
    """Goes from the newest release back to the one before and forward again; None when there is only one."""
    connection = await postgres.connect(settings)
    try:
        after = await ledger.newest_release(connection)
        before = (await ledger.release(connection, after)).parent_release
        if before is None:
            return None
        seen: list[tuple[int, int, float | None]] = [(after, await connection.fetchval(SEEN), None)]
        for target in (before, after):
            taken = await _move(connection, target)
            seen.append((target, await connection.fetchval(SEEN), taken))
        return Story(before, after, await diff.diff(connection, before, after), seen)
    finally:
        await connection.close()


async def _move(connection: Connection, target: int) -> float:
    started = time.monotonic()
    active = await ledger.active_release(connection)
    await rollback.move(connection, target, expected_active=active or 0)
    return time.monotonic() - started


def print_releases(console: Console, story: Story | None) -> None:
    """Prints the story for people, in eighty columns."""
    if story is None:
        return
    changes = Table(
        title=f"What the whole hour changed: headgate diff {story.before} {story.after}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    changes.add_column("feature view")
    for heading in ("rows added", "changed", "removed", "entities"):
        changes.add_column(heading, justify="right")
    for view in story.differences:
        counts = (view.rows_added, view.rows_changed, view.rows_removed, view.entities)
        changes.add_row(view.view, *(f"{count:,}" for count in counts))
    console.print()
    console.print(changes)
    console.print()
    console.print("What consumers saw, while it was rolled back and forward again", style="italic")
    for release, number, taken in story.seen:
        how = f", {taken * 1000:.0f} ms to move" if taken is not None else ""
        console.print(
            f"  release {release} active: {number:,} events in 24 hours{how}",
            highlight=False,
        )
