"""Rules on triggers. Mage drops an incomplete or unusable trigger with a print and goes on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cache
from typing import Any

from croniter import croniter

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Pipeline
from headgate.pipelines.validation.schema import check
from headgate.pipelines.validation.schemas import schemas
from headgate.pipelines.validation.suggestions import change_to, one_of
from headgate.pipelines.validation.yaml_lines import Items, Lines, is_templated, line_of

#: Mage takes the pipeline's name from the folder.
GIVEN = frozenset({"pipeline_uuid"})


def triggers(pipeline: Pipeline) -> Iterator[Finding]:
    """HG020 to HG026: every trigger has what Mage needs to fire it, with values that Mage knows."""
    if pipeline.trigger_data is None:
        return
    path = pipeline.triggers_file
    yield from check(schemas().trigger_file, pipeline.trigger_data, path)
    names: set[str] = set()
    for trigger in pipeline.triggers:
        name = str(trigger.get("name") or "")
        yield from check(schemas().trigger, trigger, path, name)
        for rule in (_complete, _values, _interval, _times, _pipeline):
            yield from rule(pipeline, trigger)
        if name in names:
            mend = "rename it: Mage keeps the last of them"
            yield _finding(
                pipeline, trigger, "HG024", "name", f"a second trigger {name}", "a name of its own", mend
            )
        names.add(name)


def _complete(pipeline: Pipeline, trigger: Lines) -> Iterator[Finding]:
    timed = trigger.get("schedule_type") in ("time", None)
    for key in pipeline.project.lists.required_trigger_keys:
        # An API or event trigger needs the keys too, but may leave them empty.
        empty_is_enough = not timed and key in {"schedule_interval", "start_time"}
        missing = key not in trigger if empty_is_enough else trigger.get(key) is None
        if missing and key not in GIVEN:
            mend = f"add `{key}:`" + (" null" if empty_is_enough else "")
            yield _finding(
                pipeline, trigger, "HG020", key, f"no {key}", f"{key}: Mage drops the trigger", mend
            )
    if trigger.get("status") is None:
        mend = "add `status: active`"
        yield _finding(
            pipeline, trigger, "HG020", "status", "no status", "status: without it Mage never fires it", mend
        )


def _values(pipeline: Pipeline, trigger: Lines) -> Iterator[Finding]:
    lists = pipeline.project.lists
    for key, known in (("schedule_type", lists.schedule_types), ("status", lists.schedule_statuses)):
        found = trigger.get(key)
        if found is not None and found not in known:
            yield _finding(
                pipeline, trigger, "HG021", key, f"{key} {found}", one_of(known), change_to(found, known)
            )
    environments = trigger.get("envs")
    for found in environments if isinstance(environments, Items) else ():
        if found not in lists.environments:
            line = line_of(trigger, "envs", found)
            expected, mend = one_of(lists.environments), change_to(found, lists.environments)
            name = str(trigger.get("name") or "")
            yield Finding("HG021", pipeline.triggers_file, line, f"environment {found}", expected, mend, name)


def _interval(pipeline: Pipeline, trigger: Lines) -> Iterator[Finding]:
    interval = trigger.get("schedule_interval")
    known = pipeline.project.lists.schedule_intervals
    if not isinstance(interval, str) or interval in known or is_templated(interval):
        return
    if (problem := _cron_problem(interval)) is None:
        return
    expected = f"a cron expression of five fields, or {one_of(known)}"
    mend = (
        change_to(interval, known)
        if interval.startswith("@")
        else "write it as minute hour day month weekday"
    )
    yield _finding(
        pipeline, trigger, "HG022", "schedule_interval", f"interval `{interval}` {problem}", expected, mend
    )


@cache
def _cron_problem(interval: str) -> str | None:
    """Why an expression never fires, or None."""
    if interval.startswith("@"):
        return "is none of Mage's"
    if not croniter.is_valid(interval):
        return "is no cron expression"
    if (count := len(interval.split())) != 5:
        return f"has {count} fields"
    try:
        croniter(interval, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)).get_next()
    except (ValueError, KeyError):
        return "names a day that does not exist"
    return None


def _times(pipeline: Pipeline, trigger: Lines) -> Iterator[Finding]:
    for key in ("start_time", "last_enabled_at"):
        found: Any = trigger.get(key)
        if found is not None and not isinstance(found, datetime.date):
            mend = f"write `{key}: 2026-01-01 00:00:00`, without quotes"
            yield _finding(pipeline, trigger, "HG023", key, f"{key} {found!r}", "a date or a time", mend)
    if trigger.get("status") == "active" and trigger.get("last_enabled_at") is None:
        yield _finding(
            pipeline,
            trigger,
            "HG026",
            "status",
            "no last_enabled_at in an active trigger",
            "last_enabled_at: Mage rewrites the file to add it, without its comments",
            "add `last_enabled_at:` with a time",
        )


def _pipeline(pipeline: Pipeline, trigger: Lines) -> Iterator[Finding]:
    named, own = trigger.get("pipeline_uuid"), pipeline.folder.name
    if named is not None and named != own:
        mend = f"write `pipeline_uuid: {own}`"
        message = f"pipeline_uuid {named}"
        yield _finding(
            pipeline, trigger, "HG025", "pipeline_uuid", message, f"{own}: Mage takes the folder's name", mend
        )


def _finding(
    pipeline: Pipeline, trigger: Lines, code: str, key: str, message: str, expected: str, mend: str
) -> Finding:
    name = str(trigger.get("name") or "")
    return Finding(code, pipeline.triggers_file, line_of(trigger, key), message, expected, mend, name)


RULES = (triggers,)
