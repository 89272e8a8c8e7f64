"""The reports of what changes the feature store: publish, rollback, compaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headgate.report import Report, by_instant, table
from headgate.store.compact import Compaction
from headgate.store.ledger import Release
from headgate.store.new_release import Published
from headgate.store.rollback import Move


def of_publish(published: Published) -> Report:
    """What a publish did."""
    parent = f"release {published.parent_release}" if published.parent_release else "nothing published before"
    return Report(
        verb="publish",
        title=f"Release {published.release_id} is active",
        plan=[f"Make what dbt built the next release, after {parent}."],
        design=[
            "One transaction over all feature views: rows that differ are closed and added, the newest row",
            "of every entity that they belong to goes online, the active release moves. Readers never wait.",
            f"Took {published.seconds:.1f} s.",
        ],
        changes=[
            f"Loads: {len(published.loads_added)} added, {len(published.loads_removed)} gone or replaced; "
            f"processed to {by_instant(published.processed_to)}.",
            *(f"{change.name}: {change.sentence()}" for change in published.changes),
            *_abandoned(published),
            *(f"Held back, as it was: {view}. {found}" for view, found in published.held.items()),
            *table(
                ("feature view", "rows added", "changed", "closed", "entities"),
                [
                    (name, counts.added, counts.changed, counts.closed, counts.entities)
                    for name, counts in published.views.items()
                ],
            ),
        ],
        verification=[
            f"Gates: {published.gates['passed']} passed, {published.gates['warned']} warned, none failed.",
            *waived(published.gates),
            "Counted before the commit: rows are as dbt built them, entities online show their newest row.",
        ],
        rollback=[
            f"headgate rollback --to {published.parent_release}"
            if published.parent_release
            else "There is no release before it."
        ],
    )


def _abandoned(published: Published) -> list[str]:
    if not published.abandoned:
        return []
    numbers = ", ".join(map(str, published.abandoned))
    return [
        f"Abandoned: releases {numbers}, left by the rollback to release {published.parent_release}; "
        "nobody can move to them any more. What datasets are bound to stays readable."
    ]


def of_move(move: Move, *, done: bool) -> Report:
    """What a rollback, or the way forward again, does or did."""
    target = move.target.release_id
    way = "back" if move.is_back else "forward again"
    planned = f"Rollback: release {move.active} to release {target}"
    return Report(
        verb="rollback",
        title=f"Release {target} is active" if done else planned,
        plan=[f"Move the active release from {move.active} {way} to {target}."],
        design=[
            "One transaction: the active release moves, the online rows of entities that differ follow.",
            "No row of a history is written; readers never wait.",
        ],
        changes=[
            *table(
                ("feature view", "rows that go", "rows that come back", "entities"),
                [(view.view, view.rows_gone, view.rows_back, view.entities) for view in move.views],
            ),
            *(f"Bound to a release that goes: {what} (release {number})" for number, what in move.bound),
            *([] if move.bound else ["No dataset or model is bound to a release that goes."]),
        ],
        verification=[
            "headgate releases",
            f"headgate diff {move.active} {target}",
        ],
        rollback=[f"headgate rollback --to {move.active} --yes"],
    )


def of_compaction(compaction: Compaction, *, done: bool) -> Report:
    """What a compaction removes or removed."""
    going = ", ".join(map(str, compaction.releases)) or "none"
    return Report(
        verb="compact",
        title=f"{'Compacted' if done else 'To compact'}: {going}",
        plan=[f"Remove the rows that only these releases hold: {going}."],
        design=[
            "One transaction; the active release, the newest, and what something is bound to always stay."
        ],
        changes=[
            *table(("feature view", "rows removed"), list(compaction.rows.items())),
            *(f"Kept for {what}: release {number}" for number, what in compaction.bound),
        ],
        verification=[f"Kept: {', '.join(map(str, compaction.kept)) or 'none'}.", "headgate releases"],
        rollback=["A compaction cannot be undone; the releases that stay are as they were."],
    )


def waived(gates: Mapping[str, Any]) -> list[str]:
    """The waivers that a release rests on, a line each; releases made before there were any name none."""
    return [f"Waived: {waiver['sentence']}" for waiver in gates.get("waived", [])]


def state(release: Release, active: int | None) -> str:
    """What became of a release, in the words of `headgate releases`."""
    if release.release_id == active:
        return "active"
    if release.status == "kept" and active is not None and release.release_id > active:
        return "rolled back"
    return release.status


def of_release(release: Release, views: list[dict[str, Any]], active: int | None) -> list[str]:
    """One release for people: line by line."""
    return [
        f"release        {release.release_id} ({state(release, active)})",
        f"published      {release.published_at:%Y-%m-%d %H:%M:%S} UTC by {release.published_by}, "
        f"in {release.seconds or 0:.1f} s",
        f"parent         {release.parent_release or 'none'}",
        f"processed to   {by_instant({view['view']: view['processed_to'] for view in views})}",
        f"loads          added {_numbers(release.loads_added)}; removed {_numbers(release.loads_removed)}",
        f"project        {(release.project_hash or '-')[:12]}, git {release.git_revision or '-'}",
        f"gates          {release.gates['passed']} passed, {release.gates['warned']} warned, "
        f"last at {release.gates['last_ran_at'] or '-'}",
        *(f"               {line}" for line in waived(release.gates)),
        "",
        *table(
            (
                "feature view",
                "version",
                "processed to",
                "rows",
                "added",
                "changed",
                "closed",
                "entities",
                "definition",
            ),
            [
                (
                    view["view"],
                    view["version"],
                    _instant(view["processed_to"]),
                    view["rows_total"],
                    view["rows_added"],
                    view["rows_changed"],
                    view["rows_closed"],
                    view["entities_changed"],
                    str(view["definition"] or "-")[:12],
                )
                for view in views
            ],
        ),
    ]


def _instant(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else "-"


def _numbers(loads: list[int]) -> str:
    """Load numbers, runs shortened: 1-12, 15."""
    runs: list[list[int]] = []
    for load in loads:
        if runs and load == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], load]
        else:
            runs.append([load])
    return ", ".join("-".join(map(str, run)) for run in runs) or "none"
