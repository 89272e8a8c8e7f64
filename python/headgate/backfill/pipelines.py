"""The pipelines that can be backfilled."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate import postgres
from headgate.backfill.plan import (
    BUILD,
    Chunk,
    OnHours,
    Options,
    Outcome,
    Pipeline,
    Range,
    Survey,
    cut_in_batches,
    numbered,
)
from headgate.errors import GateFailed, HeadgateError, UsageError
from headgate.landing import LoadResult, Progress, land_files
from headgate.pipelines import runner
from headgate.pipelines.mage_runs import between_blocks
from headgate.pipelines.waiting import building, dbt_runs, query, waiting_loads
from headgate.postgres.connection import open_psycopg2
from headgate.settings import Settings
from headgate.sources import HourlySource, all_sources

BUILD_PIPELINE = "build_features"
#: How long a build waits for another; two at once do no harm, only work twice.
PATIENCE = timedelta(minutes=45)
#: How long Mage takes from the end of one block to the dbt of the next, publishing included.
GAP = timedelta(minutes=2)
SECONDS_BETWEEN_LOOKS = 5

#: Hours that a landed load covers, whatever its extent.
COVERED = """
    select hour from generate_series(%(start)s, %(end)s - interval '1 hour', interval '1 hour') as hour
    where exists (
        select from ops.loads
        where
            source = %(source)s and status = 'landed'
            and partition_start <= hour and partition_end >= hour + interval '1 hour'
    )
"""
#: Hours that a landed load touches, whichever way it came; appended loads fill no hour.
TOUCHED = """
    select hour from generate_series(%(start)s, %(end)s - interval '1 hour', interval '1 hour') as hour
    where exists (
        select from ops.loads
        where
            status = 'landed'
            and partition_start < hour + interval '1 hour' and partition_end > hour
    )
"""
#: What staging models built of loads that touch a range.
TYPED = """
    select count(distinct built.partition_start), count(distinct built.model)
    from ops.loads
    inner join ops.built_partitions as built
        on built.source = loads.contract_source and built.partition_start = loads.partition_start
    where
        starts_with(built.model, 'stg_' || loads.contract_source || '__') and loads.status = 'landed'
        and loads.partition_start < %(end)s and loads.partition_end > %(start)s
"""
#: The first layer forgets; what is built from it follows, and knows that it held rows before.
FORGET = """
    delete from ops.built_partitions as built
    using ops.loads
    where
        starts_with(built.model, 'stg_' || loads.contract_source || '__') and loads.status = 'landed'
        and built.source = loads.contract_source and built.partition_start = loads.partition_start
        and loads.partition_start < %(end)s and loads.partition_end > %(start)s
"""


@dataclass(frozen=True)
class HourlyLanding:
    """A pipeline that lands one delivery an hour; what landed is built in order of time."""

    source: HourlySource

    @property
    def name(self) -> str:
        """The pipeline's name, from the source's."""
        return f"ingest_{self.source.name}"

    def default_options(self, build: bool, again: bool) -> Options:
        """Six hours to a chunk, a build for every day."""
        return Options(chunk_hours=6, batch_hours=24, build=build, again=again)

    def survey(self, settings: Settings, connection: Psycopg2Connection, asked: Range, again: bool) -> Survey:
        """Landed hours are done; with `again` they are delivered once more and replaced where they differ."""
        landed = covered(connection, self.source.name, asked)
        waiting = {
            load.partition_start
            for load in waiting_loads(settings, connection)
            if asked.start <= load.partition_start < asked.end
        }
        replaces = f"{len(landed)} landed hours, where what is delivered now differs from what landed"
        return Survey(
            range=asked,
            done=frozenset() if again else landed,
            landed=landed,
            unbuilt=frozenset(waiting),
            replaces=(replaces,) if again and landed else (),
        )

    def cut(self, survey: Survey, options: Options) -> list[Chunk]:
        """Chunks with an hour that is not done, and a build after each batch that has one."""
        return cut_in_batches(
            survey.range,
            options,
            lambda piece: any(hour not in survey.done for hour in piece.hours),
            needs_build=bool(survey.unbuilt),
        )

    def run(self, settings: Settings, chunk: Chunk, options: Options, on_hours: OnHours) -> Outcome:
        """Lands the chunk's hours on one connection, or builds what landed."""
        if chunk.step == BUILD:
            return build(settings)
        with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
            done = frozenset() if options.again else covered(connection, self.source.name, chunk.range)
        todo = [hour for hour in chunk.range.hours if hour not in done]
        # Some hours were never published: a backfill must not fail for them.
        there = [hour for hour in todo if self.source.is_published(settings, hour)]
        counts = Counter({"landed already": len(done), "never published": len(todo) - len(there)})
        # One file may cover two hours.
        deliveries = list(dict.fromkeys(self.source.delivery_of(settings, hour) for hour in there))
        progress = _Count(on_hours, len(chunk.range.hours) - len(deliveries))
        results = land_files(settings, self.source.name, deliveries, connections=1, on_progress=progress)
        counts.update(result.status for result in results)
        counts["rows"] = sum(
            result.rows_landed for result in results if result.status in ("landed", "replaced")
        )
        outcome: Outcome = {name: count for name, count in counts.items() if count}
        if failed := [result.error for result in results if result.error]:
            first = failed[0]
            outcome["error"] = f"{first['subject']}: expected {first['expected']}; found {first['found']}"
        return outcome


@dataclass(frozen=True)
class BuildAgain:
    """`build_features` over a range: what was built from its hours is typed and computed again."""

    name: str = BUILD_PIPELINE

    def default_options(self, build: bool, again: bool) -> Options:
        """A day to a chunk, each with its own run of dbt."""
        if not build or again:
            raise UsageError(
                f"backfill of {self.name}",
                expected="no --no-build or --again: this pipeline always rebuilds",
                found="--again" if again else "--no-build",
                next_step="leave it out",
            )
        return Options(chunk_hours=24, batch_hours=24, build=True, again=True)

    def survey(self, settings: Settings, connection: Psycopg2Connection, asked: Range, again: bool) -> Survey:
        """No landed hour is done: what is built is what gets replaced."""
        landed = frozenset(hour for (hour,) in query(connection, TOUCHED, vars(asked)))
        [[partitions, models]] = query(connection, TYPED, vars(asked))
        replaces = f"{partitions} typed partitions in {models} staging models, and what is computed from them"
        return Survey(
            range=asked,
            done=frozenset(asked.hours) - landed,
            landed=landed,
            unbuilt=frozenset(),
            replaces=(replaces,) if partitions else (),
        )

    def cut(self, survey: Survey, options: Options) -> list[Chunk]:
        """One chunk after the other, in order of time."""
        pieces = survey.range.cut(options.chunk_hours)
        return numbered(
            (batch, BUILD, piece)
            for batch, piece in enumerate(pieces)
            if any(hour not in survey.done for hour in piece.hours)
        )

    def run(self, settings: Settings, chunk: Chunk, options: Options, on_hours: OnHours) -> Outcome:
        """Forgets that the chunk's hours were typed, then builds."""
        with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection, connection:
            query(connection, FORGET, vars(chunk.range))
        return build(settings)


def pipelines(project_dir: Path | None = None) -> dict[str, Pipeline]:
    """The pipelines that can be backfilled, by name: one for each hourly source, and the build.

    Raises:
        UsageError: a source's declaration cannot be read.
    """
    sources = all_sources(project_dir).values()
    found: list[Pipeline] = [HourlyLanding(source) for source in sources if isinstance(source, HourlySource)]
    return {pipeline.name: pipeline for pipeline in (*found, BuildAgain())}


def get_pipeline(name: str, project_dir: Path | None = None) -> Pipeline:
    """The pipeline of that name, as far as it can be backfilled.

    Raises:
        UsageError: it cannot.
    """
    found = pipelines(project_dir)
    if name in found:
        return found[name]
    raise UsageError(
        f"pipeline {name}",
        expected=f"one of {', '.join(found)}",
        found="no pipeline of that name that can be backfilled",
        next_step="name one of these; docs/schedules.md says how a pipeline becomes one of them",
    )


def covered(connection: Psycopg2Connection, source: str, asked: Range) -> frozenset[datetime]:
    """Hours of a range that are landed."""
    found = query(connection, COVERED, {**vars(asked), "source": source})
    return frozenset(hour for (hour,) in found)


def build(settings: Settings) -> Outcome:
    """Runs `build_features` as Mage would, without its scheduler.

    Waits for a build that runs, and makes scheduled ones wait. What fails for another reason than a gate is
    tried once more: a build that could not be waited for may have been in the way.
    """
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        connection.autocommit = True
        waiting = len(waiting_loads(settings, connection))
        with building(connection):
            _wait_for_others(settings, connection)
            for last in (False, True):
                try:
                    [run] = runner.run(settings, [BUILD_PIPELINE], {"wait_minutes": 0}, lambda _: None)
                    break
                except (GateFailed, UsageError):
                    raise
                except HeadgateError:
                    if last:
                        raise
    return {"built": waiting, **(run.outcome if isinstance(run.outcome, dict) else {})}


def _wait_for_others(settings: Settings, connection: Psycopg2Connection) -> None:
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < deadline:
        if not dbt_runs(connection) and not between_blocks(settings, BUILD_PIPELINE, GAP):
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


class _Count:
    """Tells how many hours of a chunk are done."""

    def __init__(self, on_hours: OnHours, done: int) -> None:
        self._on_hours = on_hours
        self._done = done
        on_hours(done)

    def __call__(self, message: Progress | LoadResult) -> None:
        """Receives what landing reports."""
        self._done += isinstance(message, LoadResult)
        self._on_hours(self._done)
