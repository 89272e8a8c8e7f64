"""The state of operations: pipelines and their runs, freshness, loads that wait, backfills, what is late."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2

from headgate.backfill.state import Unfinished, unfinished
from headgate.pipelines.freshness import Freshness, read_freshness
from headgate.pipelines.mage_runs import MageRun, newest_runs
from headgate.pipelines.stops import StoppingGate, WaivedGate, stopping_gates, waived_gates
from headgate.pipelines.triggers import read_triggers
from headgate.pipelines.waiting import query, waiting_loads
from headgate.pipelines.watch import Late
from headgate.postgres.connection import dsn, open_psycopg2
from headgate.settings import Settings

INCIDENTS = """
    select kind, subject, message, began_at from ops.incidents where ended_at is null order by began_at
"""


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A pipeline's trigger; `trigger` is empty for a pipeline that has none."""

    pipeline: str
    trigger: str
    interval: str
    is_active: bool
    #: When the trigger is due next. Whether Mage runs then is another matter.
    next_due: datetime | None
    last_run: MageRun | None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Loads of a source that landed and wait for a build."""

    source: str
    loads: int
    #: When the one that has waited longest landed.
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What runs, what is due, what waits, what is late; at one instant, UTC."""

    at: datetime
    pipelines: tuple[Scheduled, ...]
    sources: tuple[Freshness, ...]
    waiting: tuple[Waiting, ...]
    backfills: tuple[Unfinished, ...]
    #: Gates whose newest result stopped a build, and waivers that are in force.
    stopping: tuple[StoppingGate, ...]
    waived: tuple[WaivedGate, ...]
    #: Incidents that were told and have not ended, and since when.
    late: tuple[tuple[Late, datetime], ...]

    def as_dict(self) -> dict[str, Any]:
        """It for programs."""
        return {
            "pipelines": [
                {
                    **vars(one),
                    "last_run": one.last_run and {**vars(one.last_run), "seconds": one.last_run.seconds},
                }
                for one in self.pipelines
            ],
            "sources": [
                {
                    **vars(one),
                    "limit": one.limit and one.limit.total_seconds(),
                    "age": one.age(self.at).total_seconds(),
                    "is_late": one.is_late(self.at),
                }
                for one in self.sources
            ],
            "waiting": [vars(one) for one in self.waiting],
            "backfills": [
                {
                    **{name: value for name, value in vars(one).items() if name != "range"},
                    "from": one.range.start,
                    "to": one.range.hours[-1],
                }
                for one in self.backfills
            ],
            "stopping_gates": [vars(one) for one in self.stopping],
            "waived_gates": [vars(one) for one in self.waived],
            "late": [{**late.as_dict(), "began_at": began} for late, began in self.late],
        }


def read_operations(settings: Settings, now: datetime) -> Operations | None:
    """Asks the database, which has to run; None where its schemas are not those of this version."""
    with contextlib.closing(open_psycopg2(dsn(settings))) as connection:
        connection.autocommit = True
        try:
            return Operations(
                at=now,
                pipelines=tuple(_pipelines(settings, now)),
                sources=tuple(read_freshness(settings, connection)),
                waiting=_waiting(settings, connection),
                backfills=tuple(unfinished(connection)),
                stopping=tuple(stopping_gates(connection)),
                waived=tuple(waived_gates(connection)),
                late=tuple(
                    (Late(kind=kind, subject=subject, message=message), began)
                    for kind, subject, message, began in query(connection, INCIDENTS)
                ),
            )
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn):
            return None


def _pipelines(settings: Settings, now: datetime) -> list[Scheduled]:
    runs = newest_runs(settings)
    by_trigger = {(run.pipeline, run.trigger): run for run in runs}
    by_pipeline = {run.pipeline: run for run in runs}
    found = []
    for pipeline, triggers in read_triggers(settings).items():
        found += [
            Scheduled(
                pipeline=pipeline,
                trigger=one.name,
                interval=one.interval,
                is_active=one.is_active,
                next_due=one.next_due(now),
                last_run=by_trigger.get((pipeline, one.name)),
            )
            for one in triggers
        ]
        if not triggers:
            last = by_pipeline.get(pipeline)
            found.append(
                Scheduled(
                    pipeline=pipeline, trigger="", interval="", is_active=False, next_due=None, last_run=last
                )
            )
    return found


def _waiting(settings: Settings, connection: psycopg2.extensions.connection) -> tuple[Waiting, ...]:
    loads = waiting_loads(settings, connection)
    counts = Counter(load.source for load in loads)
    return tuple(
        Waiting(
            source=source,
            loads=count,
            since=min(load.finished_at for load in loads if load.source == source),
        )
        for source, count in sorted(counts.items())
    )
