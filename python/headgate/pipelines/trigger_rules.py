"""Rules on triggers. Mage drops an incomplete trigger with a print and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from croniter import croniter

from headgate.pipelines import mage_facts
from headgate.pipelines.project import Finding, Pipeline


def hg020_triggers(pipeline: Pipeline) -> Iterator[Finding]:
    """Every trigger has what Mage needs to fire it, with values that Mage knows."""
    for trigger in pipeline.triggers:
        for problem in _problems(pipeline, trigger):
            name = trigger.get("name", "without a name")
            yield Finding("HG020", pipeline.triggers_file, f"trigger {name}: {problem}")


def _problems(pipeline: Pipeline, trigger: dict[str, Any]) -> Iterator[str]:
    for key in ("name", "schedule_type", "schedule_interval", "start_time", "status"):
        if trigger.get(key) is None and not (
            key == "schedule_interval" and trigger.get("schedule_type") == "api"
        ):
            yield f"{key} is missing"
    if trigger.get("pipeline_uuid", pipeline.folder.name) != pipeline.folder.name:
        yield f"pipeline_uuid {trigger['pipeline_uuid']!r}: expected {pipeline.folder.name!r}"
    yield from _unknown(trigger, "schedule_type", mage_facts.SCHEDULE_TYPES)
    yield from _unknown(trigger, "status", mage_facts.TRIGGER_STATUSES)
    interval = trigger.get("schedule_interval")
    if interval and interval not in mage_facts.SCHEDULE_INTERVALS and not croniter.is_valid(str(interval)):
        yield f"schedule_interval {interval!r}: expected a cron expression or one of Mage's intervals"
    if trigger.get("start_time") is not None and not isinstance(trigger["start_time"], datetime):
        yield f"start_time {trigger['start_time']!r}: expected a time such as 2026-01-01 00:00:00"
    if trigger.get("status") == "active" and trigger.get("last_enabled_at") is None:
        yield "last_enabled_at is missing: Mage rewrites the file to add it"


def _unknown(trigger: dict[str, Any], key: str, known: frozenset[str]) -> Iterator[str]:
    found = trigger.get(key)
    if found is not None and found not in known:
        yield f"{key} {found!r}: expected one of {', '.join(sorted(known))}"


RULES = (hg020_triggers,)
