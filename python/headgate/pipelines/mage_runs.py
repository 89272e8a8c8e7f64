"""What Mage's scheduler has run, read from its metadata database where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.pool import NullPool

from headgate.pipelines.environment import metadata_url
from headgate.settings import Settings

# Mage stores the names of its enumerations, in capitals.
RUNS = """
    select
        pipeline_run.pipeline_uuid,
        pipeline_schedule.name,
        lower(cast(pipeline_run.status as varchar)),
        pipeline_run.execution_date,
        pipeline_run.started_at,
        pipeline_run.completed_at
    from pipeline_run
    left join pipeline_schedule on pipeline_schedule.id = pipeline_run.pipeline_schedule_id
    where pipeline_run.id in (
        select max(id) from pipeline_run
        where {condition}
        group by pipeline_uuid, pipeline_schedule_id
    )
    order by pipeline_run.execution_date
"""
#: Runs that were skipped because the one before was at work do not count.
NOT_SKIPPED = "lower(cast(status as varchar)) <> 'cancelled'"
COMPLETED = "lower(cast(status as varchar)) = 'completed'"
SINCE = "select pipeline_uuid, name, created_at from pipeline_schedule"
LAST_BEFORE = """
    select lower(cast(status as varchar)) from pipeline_run
    where
        pipeline_uuid = :pipeline and execution_date >= :earliest and execution_date <= :latest
        and lower(cast(status as varchar)) <> 'cancelled'
    order by execution_date desc, id desc
    limit 1
"""
BETWEEN_BLOCKS = """
    select count(*) from pipeline_run
    where
        pipeline_uuid = :pipeline and lower(cast(status as varchar)) = 'running'
        and exists (
            select 1 from block_run
            where
                block_run.pipeline_run_id = pipeline_run.id
                and lower(cast(block_run.status as varchar)) = 'completed'
                and block_run.completed_at >= :since
        )
"""


@dataclass(frozen=True, kw_only=True)
class MageRun:
    """One run of a pipeline by a trigger; times in UTC."""

    pipeline: str
    trigger: str | None
    status: str
    #: When it was due.
    due: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it is not over."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


def triggers_since(settings: Settings) -> dict[tuple[str, str], datetime]:
    """(pipeline, trigger) -> since when Mage knows it; empty where Mage never ran here."""
    with _metadata(settings) as connection:
        if connection is None:
            return {}
        found: list[Any] = list(connection.execute(text(SINCE)))
    return {(pipeline, name): _utc(since) for pipeline, name, since in found}


def newest_runs(settings: Settings, *, completed: bool = False) -> list[MageRun]:
    """The newest run, or the newest complete one, of every trigger; none where Mage never ran here."""
    condition = COMPLETED if completed else NOT_SKIPPED
    with _metadata(settings) as connection:
        if connection is None:
            return []
        found: list[Any] = list(connection.execute(text(RUNS.format(condition=condition))))
    return [
        MageRun(
            pipeline=pipeline,
            trigger=trigger,
            status=status,
            due=_utc(due),
            started_at=_utc(started) if started else None,
            completed_at=_utc(completed) if completed else None,
        )
        for pipeline, trigger, status, due, started, completed in found
        if due is not None
    ]


def status_of_run(settings: Settings, pipeline: str, earliest: datetime, latest: datetime) -> str | None:
    """Status of the pipeline's newest run that was due in a stretch of time; None when there was none."""
    with _metadata(settings) as connection:
        if connection is None:
            return None
        arguments = {"pipeline": pipeline, "earliest": earliest, "latest": latest}
        found: str | None = connection.execute(text(LAST_BEFORE), arguments).scalar()
        return found


def between_blocks(settings: Settings, pipeline: str, within: timedelta) -> bool:
    """Whether a scheduled run has ended a block a moment ago and is about to begin the next.

    Runs of a Mage that was killed stay `running` for ever; they end no block any more.
    """
    with _metadata(settings) as connection:
        if connection is None:
            return False
        arguments = {"pipeline": pipeline, "since": datetime.now(UTC) - within}
        return bool(connection.execute(text(BETWEEN_BLOCKS), arguments).scalar())


@contextmanager
def _metadata(settings: Settings) -> Iterator[sqlalchemy.Connection | None]:
    """A connection to Mage's metadata; None where it has none yet."""
    url = os.environ.get("MAGE_DATABASE_CONNECTION_URL") or metadata_url(settings)
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    try:
        connection = engine.connect()
    except sqlalchemy.exc.OperationalError:
        # The database is made when Mage first runs.
        yield None
        return
    try:
        known = set(sqlalchemy.inspect(connection).get_table_names())
        yield connection if {"pipeline_run", "pipeline_schedule", "block_run"} <= known else None
    finally:
        connection.close()


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
