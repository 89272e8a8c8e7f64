"""The state of operations for people, within 80 columns."""

from __future__ import annotations

from datetime import datetime

from headgate.pipelines.mage_runs import MageRun
from headgate.pipelines.watch import in_hours
from headgate.postgres.state import Load
from headgate.report import began, number_of, table
from headgate.status.operations import Operations, Scheduled

#: Sections whose first line is a line of headings.
TABLES = {"Pipelines", "Sources", "Newest loads"}
#: Section -> its lines.
Sections = dict[str, list[str]]


def sections(operations: Operations, loads: tuple[Load, ...]) -> Sections:
    """Headings and lines; what holds nothing is left out."""
    now = operations.at
    found = {
        "Pipelines": table(
            ("pipeline", "trigger", "last run (UTC)", "took", "next (UTC)"),
            [
                (
                    one.pipeline,
                    one.interval if one.is_active else f"{one.interval} off".strip(),
                    *_last_run(one, now),
                    _clock(one.next_due, now),
                )
                for one in operations.pipelines
            ],
        ),
        "Sources": table(
            ("source", "data up to (UTC)", "landed (UTC)", "limit", ""),
            [
                (
                    f"{one.source}.{one.entity}",
                    f"{one.data_to:%Y-%m-%d %H:%M}",
                    f"{one.landed_at:%Y-%m-%d %H:%M}" if one.landed_at else None,
                    in_hours(one.limit) if one.limit else None,
                    "late" if one.is_late(now) else "",
                )
                for one in operations.sources
            ],
        ),
        "Waiting for a build": [
            f"{one.source}  {number_of(one.loads, 'load')}, the first landed {one.since:%Y-%m-%d %H:%M} UTC"
            for one in operations.waiting
        ],
        "Gates that stop": [
            f"{one.gate}, since {_clock(one.ran_at, now)}\n   {one.sentence()}" for one in operations.stopping
        ],
        "Waived gates": [f"{one.gate} for load {one.load_id}\n   {one.reason}" for one in operations.waived],
        "Backfills": [
            f"{one.backfill_id}  {one.pipeline}  {one.range}\n   {one.status}: {one.chunks_done} of "
            f"{one.chunks} chunks done"
            + (f", {one.chunks_failed} failed" if one.chunks_failed else "")
            + ("" if one.status == "running" else "; the same command goes on")
            for one in operations.backfills
        ],
        "Late": [
            f"{late.subject}, since {began:%Y-%m-%d %H:%M} UTC\n   {late.message}"
            for late, began in operations.late
        ],
        "Newest loads": table(
            ("load", "source", "partition", "status", "landed", "rejects", "finished"),
            [
                (
                    load.load_id,
                    load.source.split(".", maxsplit=1)[0],
                    f"{began(load.partition_start):%Y-%m-%dT%H}",
                    load.status,
                    load.rows_landed,
                    load.rows_rejected,
                    _clock(load.finished_at, now),
                )
                for load in loads
            ],
        ),
    }
    # A table without rows still has its headings.
    return {heading: lines for heading, lines in found.items() if len(lines) > (heading in TABLES)}


def _last_run(one: Scheduled, now: datetime) -> tuple[str | None, str | None]:
    """Status and time of the last run, and how long it took."""
    run: MageRun | None = one.last_run
    if run is None:
        return None, None
    seconds = run.seconds
    took = None if seconds is None else f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
    return f"{run.status} {_clock(run.started_at or run.due, now)}", took


def _clock(value: datetime | None, now: datetime) -> str | None:
    """An instant, short: without the day on the same day, without the time in another year."""
    if value is None:
        return None
    if value.date() == now.date():
        return f"{value:%H:%M}"
    return f"{value:%m-%d %H:%M}" if value.year == now.year else f"{value:%Y-%m-%d}"
