"""Triggers as code: what `triggers.yaml` beside each pipeline says, and when each is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from croniter import croniter

from headgate.errors import UsageError
from headgate.pipelines.environment import mage_project
from headgate.pipelines.project import read_mapping
from headgate.settings import Settings

#: Mage's names for intervals, as cron; its week begins on Monday. Others are due once, or always.
INTERVALS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 1",
    "@monthly": "0 0 1 * *",
}


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One trigger of a pipeline; times in UTC, as Mage takes them."""

    pipeline: str
    name: str
    #: A cron expression, or a name of Mage's; empty for triggers by API or event.
    interval: str
    is_active: bool
    #: How long after it is due a run has to be complete; None: nobody waits for it.
    sla: timedelta | None

    @property
    def cron(self) -> str | None:
        """When it is due, as cron; None where time does not make it due."""
        found = INTERVALS.get(self.interval, self.interval)
        return found if croniter.is_valid(found) else None

    def next_due(self, now: datetime) -> datetime | None:
        """The first instant after `now` at which a run is due; None where there is none."""
        return croniter(self.cron, now).get_next(datetime) if self.cron and self.is_active else None

    def last_due(self, now: datetime) -> datetime | None:
        """The last instant at or before `now` at which a run was due; None where there is none."""
        if self.cron is None or not self.is_active:
            return None
        found: datetime = croniter(self.cron, now + timedelta(microseconds=1)).get_prev(datetime)
        return found


def read_triggers(settings: Settings) -> dict[str, list[Trigger]]:
    """Every pipeline of the project with its triggers; what is not readable is the validator's to say."""
    found: dict[str, list[Trigger]] = {}
    for metadata in sorted(mage_project(settings).glob("pipelines/*/metadata.yaml")):
        pipeline, file = metadata.parent.name, metadata.with_name("triggers.yaml")
        try:
            entries = read_mapping(file).get("triggers") if file.exists() else []
        except UsageError:
            entries = []
        found[pipeline] = [_trigger(pipeline, entry) for entry in entries or [] if isinstance(entry, dict)]
    return found


def _trigger(pipeline: str, entry: dict[str, Any]) -> Trigger:
    by_time = entry.get("schedule_type") == "time"
    sla = entry.get("sla")
    return Trigger(
        pipeline=pipeline,
        name=str(entry.get("name", "")),
        interval=str(entry.get("schedule_interval") or "") if by_time else "",
        is_active=entry.get("status") == "active",
        sla=timedelta(seconds=sla) if isinstance(sla, int) else None,
    )
