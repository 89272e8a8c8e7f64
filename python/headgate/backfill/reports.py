"""What a backfill is going to do, and what it did: lines for people, the report, JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.backfill.plan import BUILD, Chunk, Options, Survey
from headgate.backfill.state import ChunkState, Resumable
from headgate.pipelines.waiting import query
from headgate.report import Report, number_of, table

LOADS = """
    select count(*), coalesce(sum(lines_read), 0)::bigint, coalesce(sum(rows_landed), 0)::bigint,
        coalesce(sum(rows_rejected), 0)::bigint
    from ops.loads
    where status = 'landed' and partition_start < %(end)s and partition_end > %(start)s
"""
GATES = """
    select count(*) filter (where status = 'pass'), count(*) filter (where status = 'warn'),
        count(*) filter (where status in ('fail', 'error'))
    from (select distinct on (gate) status from ops.gate_results order by gate, ran_at desc) as newest
"""
RELEASE = "select max(release_id) from feature_store.active_release"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A backfill before it begins."""

    pipeline: str
    survey: Survey
    options: Options
    chunks: tuple[Chunk, ...]
    parallel: int
    resumed: Resumable | None

    @property
    def title(self) -> str:
        """Pipeline and range."""
        hours = len(self.survey.range.hours)
        return f"Backfill of {self.pipeline}, {self.survey.range} ({number_of(hours, 'hour')})"

    @property
    def left(self) -> list[Chunk]:
        """The chunks that are not done."""
        if self.resumed is None:
            return list(self.chunks)
        return [state.chunk for state in self.resumed.chunks if state.status != "done"]

    def lines(self) -> list[str]:
        """What is done already, what is left, what would be replaced."""
        survey, options = self.survey, self.options
        builds = sum(chunk.step == BUILD for chunk in self.chunks)
        others = len(self.chunks) - builds
        found = [
            f"hours     {len(survey.landed)} landed already, "
            f"{len(survey.range.hours) - len(survey.landed)} not landed",
        ]
        if others:
            found.append(f"chunks    {others} of up to {options.chunk_hours} hours, {self.parallel} at once")
        if builds:
            found.append(f"builds    {builds}, one after every {options.batch_hours} hours, in order of time")
        if not options.build:
            found.append("builds    none: the next run of build_features types what lands")
        if not self.chunks:
            found.append("left      nothing")
        if self.resumed:
            found.append(
                f"resumes   backfill {self.resumed.backfill_id} of "
                f"{self.resumed.started_at:%Y-%m-%d %H:%M} UTC: {self.resumed.done} of "
                f"{len(self.resumed.chunks)} chunks and builds are done"
            )
        found += [f"replaces  {what}" for what in survey.replaces or ("nothing",)]
        return found

    def as_dict(self) -> dict[str, Any]:
        """The plan for programs."""
        survey = self.survey
        return {
            "pipeline": self.pipeline,
            "from": survey.range.start.isoformat(),
            "to": survey.range.hours[-1].isoformat(),
            "hours": len(survey.range.hours),
            "hours_landed": len(survey.landed),
            "hours_left": len(survey.left),
            "replaces": list(survey.replaces),
            "options": self.options.as_dict(),
            "parallel": self.parallel,
            "resumes": self.resumed and self.resumed.backfill_id,
            "chunks": [
                {
                    "step": chunk.step,
                    "from": chunk.range.start.isoformat(),
                    "to": chunk.range.hours[-1].isoformat(),
                }
                for chunk in self.left
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A backfill at its end."""

    planned: Planned
    backfill_id: int
    states: tuple[ChunkState, ...]
    seconds: float
    #: The active release before and after.
    releases: tuple[int | None, int | None]
    #: Of the range: loads, lines read, rows landed, rows rejected.
    loads: tuple[int, int, int, int]
    #: Newest results of all gates: passed, warned, failed.
    gates: tuple[int, int, int]

    @property
    def counts(self) -> dict[str, int]:
        """What became of the hours, summed over the chunks."""
        totals: Counter[str] = Counter()
        for state in self.states:
            numbers = {name: count for name, count in (state.result or {}).items() if isinstance(count, int)}
            totals.update({name: count for name, count in numbers.items() if name != "release"})
        return dict(totals)

    @property
    def failures(self) -> list[str]:
        """Chunks that failed, and why."""
        return [
            f"{state.chunk.step} {state.chunk.range} failed: {state.error}"
            for state in self.states
            if state.error
        ]

    def as_dict(self) -> dict[str, Any]:
        """The outcome for programs."""
        by_status = Counter(state.status for state in self.states)
        return {
            **self.planned.as_dict(),
            "backfill": self.backfill_id,
            "chunks": dict(by_status),
            "counts": self.counts,
            "failures": self.failures,
            "release_before": self.releases[0],
            "release_after": self.releases[1],
            "seconds": round(self.seconds, 1),
        }


def of_backfill(ended: Ended) -> Report:
    """What a backfill did."""
    before, after = ended.releases
    loads, read, landed, rejected = ended.loads
    passed, warned, failed = ended.gates
    steps = Counter((state.chunk.step, state.status) for state in ended.states)
    return Report(
        verb="backfill",
        title=f"{ended.planned.title}: {'not all of it is done' if ended.failures else 'done'}",
        plan=ended.planned.lines(),
        design=[
            "Chunks land as live runs do, under the same lock for each partition; builds run the pipeline",
            "build_features outside Mage's schedule, and wait for a scheduled one, as it waits for them.",
            f"This run took {ended.seconds:.1f} s; state is in ops.backfills, number {ended.backfill_id}.",
        ],
        changes=[
            *table(
                ("step", "status", "count"),
                [(step, status, count) for (step, status), count in sorted(steps.items())],
            ),
            *(f"{name}: {count:,}" for name, count in sorted(ended.counts.items())),
            *ended.failures,
            f"Active release: {before or 'none'} before, {after or 'none'} after.",
        ],
        verification=[
            f"Range: {number_of(loads, 'load')}, "
            f"{number_of(read, 'line')} = {landed:,} landed + {rejected:,} rejected.",
            f"Gates, newest results: {passed} passed, {warned} warned, {failed} failed.",
            "headgate status",
        ],
        rollback=[
            f"Consumers: headgate rollback --to {before} --yes"
            if before and before != after
            else "Consumers: no release to go back from.",
            "Landed hours stay; one that was replaced comes back by landing its earlier file again.",
        ],
    )


def figures(connection: Psycopg2Connection, planned: Planned) -> dict[str, Any]:
    """The figures of `Ended` that the database holds."""
    [loads] = query(connection, LOADS, vars(planned.survey.range))
    [gates] = query(connection, GATES)
    return {"loads": loads, "gates": gates}


def active_release(connection: Psycopg2Connection) -> int | None:
    """The active release; None before the first publish."""
    [[number]] = query(connection, RELEASE)
    return None if number is None else int(number)
