"""What is late (sources, runs, builds) or wrong (gates, served models), told as it begins and as it ends."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate import postgres
from headgate.pipelines.alerts import tell
from headgate.pipelines.freshness import read_freshness
from headgate.pipelines.mage_runs import MageRun, newest_runs, triggers_since
from headgate.pipelines.model_alarms import open_alarms
from headgate.pipelines.stops import stopping_gates
from headgate.pipelines.triggers import Trigger, read_triggers
from headgate.pipelines.waiting import query, waiting_loads
from headgate.postgres.connection import open_psycopg2
from headgate.postgres.locks import take_psycopg2
from headgate.settings import Settings

#: How long a load may wait for a build.
LONGEST_WAIT = timedelta(hours=3)

# One watch at a time: two would tell an incident twice.
LOCK = "a watch"
OPEN = "select kind, subject, message, began_at from ops.incidents where ended_at is null"
BEGIN = "insert into ops.incidents (kind, subject, message) values (%s, %s, %s)"
SEE = """
    update ops.incidents set message = %s, seen_at = clock_timestamp()
    where kind = %s and subject = %s and ended_at is null
"""
END = """
    update ops.incidents set ended_at = clock_timestamp()
    where kind = %s and subject = %s and ended_at is null
"""


@dataclass(frozen=True, kw_only=True)
class Late:
    """Something that is late."""

    #: source_stale, run_late, loads_waiting, gate_failed or model_alarm.
    kind: str
    subject: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """It for programs."""
        return vars(self).copy()


def watch(settings: Settings) -> list[Late]:
    """Everything that is late now; tells what has begun and what has ended since it was last called.

    It is told before it is recorded: whoever dies in between tells it again, rather than never.
    """
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection, connection:
        take_psycopg2(connection, LOCK)
        found = find_late(settings, connection, datetime.now(UTC))
        known = {(kind, subject): began for kind, subject, _, began in query(connection, OPEN)}
        for late in found:
            place = (late.kind, late.subject)
            if place in known:
                query(connection, SEE, (late.message, *place))
            else:
                tell(late.kind, subject=late.subject, message=late.message)
                query(connection, BEGIN, (*place, late.message))
        for kind, subject in known.keys() - {(late.kind, late.subject) for late in found}:
            since = known[kind, subject]
            tell(f"{kind}_ended", is_problem=False, subject=subject, began_at=since.isoformat("T", "seconds"))
            query(connection, END, (kind, subject))
    return found


def summary(found: list[Late]) -> dict[str, Any]:
    """What a block hands on: how much is late, and what."""
    return {"late": len(found), **{f"{late.kind} {late.subject}": late.message for late in found}}


def find_late(settings: Settings, connection: Psycopg2Connection, now: datetime) -> list[Late]:
    """What is late at `now`: sources by freshness, runs by SLA, builds; gates that stop; models' alarms."""
    return [
        *_stale_sources(settings, connection, now),
        *_late_runs(settings, now),
        *_waiting_loads(settings, connection, now),
        *_failed_gates(connection),
        *_model_alarms(connection),
    ]


def _stale_sources(settings: Settings, connection: Psycopg2Connection, now: datetime) -> list[Late]:
    return [
        Late(
            kind="source_stale",
            subject=f"{one.source}.{one.entity}",
            message=f"expected data up to {in_hours(one.limit or timedelta())} ago; "
            f"the newest partition ends {one.newest:%Y-%m-%dT%H:%M} UTC",
        )
        for one in read_freshness(settings, connection)
        if one.is_late(now)
    ]


def _late_runs(settings: Settings, now: datetime) -> list[Late]:
    """Triggers whose last run but for the SLA's time is not complete. Nothing where Mage never ran."""
    since = triggers_since(settings)
    if not since:
        return []
    complete = {(run.pipeline, run.trigger): run for run in newest_runs(settings, completed=True)}
    newest = {(run.pipeline, run.trigger): run for run in newest_runs(settings)}
    found = []
    for trigger in (one for triggers in read_triggers(settings).values() for one in triggers):
        place = (trigger.pipeline, trigger.name)
        due = trigger.last_due(now - trigger.sla) if trigger.sla else None
        # What was due before Mage knew the trigger never ran.
        if due is None or place not in since or due < since[place]:
            continue
        done = complete.get(place)
        if done is None or done.due < due:
            found.append(_late_run(trigger, due, newest.get(place)))
    return found


def _late_run(trigger: Trigger, due: datetime, newest: MageRun | None) -> Late:
    state = "no run" if newest is None else f"the run due {newest.due:%Y-%m-%dT%H:%M} UTC is {newest.status}"
    return Late(
        kind="run_late",
        subject=f"{trigger.pipeline}, trigger {trigger.name}",
        message=f"expected a run due {due:%Y-%m-%dT%H:%M} UTC or later to be complete within "
        f"{in_hours(trigger.sla or timedelta())}; found {state}",
    )


def _waiting_loads(settings: Settings, connection: Psycopg2Connection, now: datetime) -> list[Late]:
    too_long = [load for load in waiting_loads(settings, connection) if now - load.finished_at > LONGEST_WAIT]
    return [
        Late(
            kind="loads_waiting",
            subject=source,
            message=f"expected a build within {in_hours(LONGEST_WAIT)} of landing; "
            f"{sum(load.source == source for load in too_long)} loads wait for longer",
        )
        for source in sorted({load.source for load in too_long})
    ]


def _failed_gates(connection: Psycopg2Connection) -> list[Late]:
    return [
        Late(
            kind="gate_failed", subject=one.gate, message=f"expected no failing rows; found {one.sentence()}"
        )
        for one in stopping_gates(connection)
    ]


def _model_alarms(connection: Psycopg2Connection) -> list[Late]:
    return [
        Late(kind="model_alarm", subject=one.name, message=f"{one.day}: {one.sentence}")
        for one in open_alarms(connection)
    ]


def in_hours(span: timedelta) -> str:
    """A span of time, short: `45 min`, `3.5 h`, `2.0 d`."""
    minutes = span.total_seconds() / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.1f} d"
