"""What the blocks of a pipeline call that lands a source whose files are an hour each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate import postgres
from headgate.errors import HeadgateError, UsageError
from headgate.pipelines import loads
from headgate.settings import Settings, load_settings
from headgate.sources import get_source
from headgate.sources.base import parse_hour
from headgate.sources.hour_names import HOUR
from headgate.sources.hours import HourlySource, deliveries_of, hours_between

SECONDS_BETWEEN_LOOKS = 60
#: A run without explicit hours also lands hours that earlier runs missed, up to this far back.
CATCH_UP = timedelta(hours=24)


def newest_hour(variables: Mapping[str, Any]) -> datetime:
    """The last hour of a run: the one that was asked for, else the last whole hour before the run was due."""
    if variables.get("hour_from"):
        return parse_hour(str(variables.get("hour_to") or variables["hour_from"]))
    due = variables.get("execution_date") or datetime.now(UTC)
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    return due.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - HOUR


def hours_to_land(settings: Settings, source: HourlySource, variables: Mapping[str, Any]) -> list[datetime]:
    """The hours of a run: those asked for, else the newest one and those that earlier runs missed."""
    newest = newest_hour(variables)
    if variables.get("hour_from"):
        return hours_between(parse_hour(str(variables["hour_from"])), newest)
    landed = asyncio.run(_landed_hours(settings, source.name, newest - CATCH_UP, newest))
    known = hours_between(min(landed, default=newest), newest)[:-1]
    missed = [hour for hour in known if hour not in landed]
    # Some hours were never published: a run must not fail for them every hour of a day.
    return [*(hour for hour in missed if source.is_published(settings, hour)), newest]


def wait_until_published(source_name: str, variables: Mapping[str, Any]) -> bool:
    """Returns True when the newest hour of the run is published.

    Raises:
        HeadgateError: `wait_minutes` are over and it is not.
    """
    settings, hour = load_settings(), newest_hour(variables)
    source = hourly_source(settings, source_name)
    deadline = time.monotonic() + 60 * variables["wait_minutes"]
    while True:
        problem = f"not published after {variables['wait_minutes']} minutes of waiting"
        try:
            if source.is_published(settings, hour):
                return True
        except HeadgateError as error:
            # A network that is down for some minutes is what waiting is for.
            problem = error.found
        if time.monotonic() >= deadline:
            raise HeadgateError(
                f"hour {hour:%Y-%m-%dT%H} of {source_name}",
                expected=f"a file at {source.delivery_of(settings, hour).uri}",
                found=problem,
                next_step="run the pipeline again later; the next scheduled run also lands what is missing",
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def land_hours(source_name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Lands the hours of a run; one summary for each load, failed ones too, never records."""
    settings = load_settings()
    source = hourly_source(settings, source_name)
    deliveries = deliveries_of(source, settings, hours_to_land(settings, source, variables))
    return loads.land(settings, source_name, deliveries)


def check_outcome(source_name: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The totals of a run: loads by status, lines and rows.

    Raises:
        HeadgateError: a load failed.
    """
    found = loads.totals(source_name, outcome)
    loads.require_landed(found)
    return found


def hourly_source(settings: Settings, name: str) -> HourlySource:
    """The source called `name`, whose files are an hour each.

    Raises:
        UsageError: there is none of the kind.
    """
    source = get_source(name, settings.project_dir)
    if isinstance(source, HourlySource):
        return source
    raise UsageError(
        f"source {name}",
        expected="a source of a package whose files are an hour each",
        found="one that is landed otherwise",
        next_step=f"headgate land {name}",
    )


async def _landed_hours(settings: Settings, source: str, first: datetime, last: datetime) -> set[datetime]:
    connection = await postgres.connect(settings)
    try:
        rows = await connection.fetch(
            """
            select partition_start from ops.loads
            where source = $1 and status in ('landed', 'discarded') and partition_start between $2 and $3
            """,
            source,
            first,
            last,
        )
    finally:
        await connection.close()
    return {row["partition_start"] for row in rows}
