"""`headgate backfill`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import click
import psycopg2
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from headgate import postgres
from headgate.backfill.pace import in_words
from headgate.backfill.pipelines import get_pipeline
from headgate.backfill.plan import Options, Pipeline, Range
from headgate.backfill.reports import Ended, Planned, active_release, figures, of_backfill
from headgate.backfill.run import Event, Run, Tell
from headgate.backfill.state import Claim, chunk_states, find_resumable
from headgate.errors import ConfirmationRequired, HeadgateError
from headgate.pipelines.serve import stop_on_signals
from headgate.postgres.connection import open_psycopg2
from headgate.settings import Settings, load_settings


@click.command()
@click.argument("pipeline")
@click.option("--from", "first", metavar="HOUR", required=True, help="First hour, UTC, as YYYY-MM-DDTHH.")
@click.option("--to", "last", metavar="HOUR", required=True, help="Last hour, inclusive.")
@click.option("--chunk-hours", type=click.IntRange(min=1), help="Hours per chunk.")
@click.option("--build-every", type=click.IntRange(min=1), help="Build after this many hours.")
@click.option(
    "--parallel", type=click.IntRange(min=1), help="Chunks to run in parallel. Default: one per core."
)
@click.option("--build/--no-build", default=True, help="Build after landing (default).")
@click.option("--again", is_flag=True, help="Land hours again that are already landed; replace what differs.")
@click.option("--plan", "only_plan", is_flag=True, help="Preview the effect; change nothing.")
@click.option("--yes", is_flag=True, help="Confirm that data may be replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backfill(
    pipeline: str,
    first: str,
    last: str,
    chunk_hours: int | None,
    build_every: int | None,
    parallel: int | None,
    build: bool,
    again: bool,
    only_plan: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Run PIPELINE over a range of past hours, beside the live schedule.

    Killed or stopped at any moment, the same command goes on where it was. Exit code 1 when a chunk failed,
    3 when a gate did, 4 when something would be replaced and --yes is missing.
    """
    stop_on_signals()
    settings = load_settings()
    named, asked = get_pipeline(pipeline, settings.project_dir), Range.parse(first, last)
    options = named.default_options(build, again)
    options = replace(
        options,
        chunk_hours=chunk_hours or options.chunk_hours,
        batch_hours=build_every or options.batch_hours,
    )
    with _connection(settings) as connection:
        planned = _plan(settings, connection, named, asked, options, parallel or settings.connections)
        if not as_json:
            click.echo("\n".join([planned.title, "", "Plan", *(f"  {line}" for line in planned.lines())]))
        elif only_plan or not planned.left:
            click.echo(json.dumps(planned.as_dict(), indent=2))
        if only_plan or not planned.left:
            return
        _require_confirmation(planned, yes=yes)
        with _view(quiet=as_json) as tell:
            ended = _run(settings, connection, named, planned, tell)
    report = of_backfill(ended)
    path = report.write(settings)
    if as_json:
        click.echo(json.dumps({**ended.as_dict(), "report": str(path)}, indent=2))
    else:
        click.echo(f"\n{report.text()}\n\nreport: {path}")
    if ended.failures:
        sys.exit(1)


def _plan(
    settings: Settings,
    connection: Psycopg2Connection,
    named: Pipeline,
    asked: Range,
    options: Options,
    parallel: int,
) -> Planned:
    resumed = find_resumable(connection, named.name, asked, build=options.build, again=options.again)
    survey = named.survey(settings, connection, asked, options.again)
    if resumed is None:
        chunks = tuple(named.cut(survey, options))
    else:
        options, chunks = resumed.options, tuple(state.chunk for state in resumed.chunks)
    return Planned(
        pipeline=named.name,
        survey=survey,
        options=options,
        chunks=chunks,
        parallel=parallel,
        resumed=resumed,
    )


def _run(
    settings: Settings, connection: Psycopg2Connection, named: Pipeline, planned: Planned, tell: Tell
) -> Ended:
    began, before = time.monotonic(), active_release(connection)
    claim = Claim.take(
        connection, named.name, planned.survey.range, planned.options, planned.chunks, planned.resumed
    )
    run = Run(settings, named, planned.options, claim, planned.parallel, tell)
    run.run(chunk_states(connection, claim.backfill_id))
    return Ended(
        planned=planned,
        backfill_id=claim.backfill_id,
        states=chunk_states(connection, claim.backfill_id),
        seconds=time.monotonic() - began,
        releases=(before, active_release(connection)),
        **figures(connection, planned),
    )


def _require_confirmation(planned: Planned, *, yes: bool) -> None:
    if planned.survey.replaces and planned.resumed is None and not yes:
        raise ConfirmationRequired(
            f"backfill of {planned.pipeline}, {planned.survey.range}",
            expected="a confirmation, because this is replaced: " + "; ".join(planned.survey.replaces),
            found="none; nothing was changed",
            next_step="run the same command with --yes",
        )


@contextmanager
def _connection(settings: Settings) -> Iterator[Psycopg2Connection]:
    """The connection that holds the backfill's lock; each statement commits by itself."""
    try:
        with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
            connection.autocommit = True
            yield connection
    except psycopg2.errors.UndefinedTable as error:
        raise HeadgateError(
            "schemas of the database",
            expected="the tables of this version",
            found="older ones",
            next_step="run `headgate up`",
        ) from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise HeadgateError(
            "backfill",
            expected="PostgreSQL to stay reachable",
            found=" ".join(str(error).split()),
            next_step="run the same command again when it is: it goes on where it was",
        ) from error


@contextmanager
def _view(*, quiet: bool) -> Iterator[Tell]:
    """How progress is shown: not at all, as bars on a terminal, else as a line for each chunk."""
    console = Console(stderr=True)
    if quiet:
        yield lambda event: None
    elif console.is_terminal:
        with _Bars(console) as bars:
            yield bars
    else:
        yield _lines(console)


def _lines(console: Console) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if event.chunk is None or event.kind in ("started", "moved"):
            return
        reach = ", ".join(
            f"{step} {event.pace.done[step]} of {event.pace.hours[step]} h" for step in event.pace.hours
        )
        console.print(
            f"{event.kind:<6} {event.chunk.step} {event.chunk.range}: {_words(event)} | {reach}, "
            f"{in_words(event.seconds_left)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    return tell


class _Bars:
    """A bar for each step, and the time left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<6}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("h"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Shows one event."""
        for step, hours in event.pace.hours.items():
            if step not in self._tasks:
                self._tasks[step] = self._progress.add_task(step, total=hours, note="")
            self._progress.update(self._tasks[step], completed=event.pace.done[step])
        if event.chunk is not None:
            note = f"{event.chunk.range}, {in_words(event.seconds_left)}"
            self._progress.update(self._tasks[event.chunk.step], note=note)
            if event.kind in ("done", "failed"):
                self._progress.console.print(
                    f"  {event.kind:<6} {event.chunk.step:<5} {event.chunk.range}: {_words(event)}",
                    highlight=False,
                    markup=False,
                )


def _words(event: Event) -> str:
    """What became of a chunk."""
    if event.error:
        return event.error
    counts = {name: count for name, count in event.outcome.items() if name != "error"}
    return ", ".join(
        f"{name} {count:,}" if isinstance(count, int) else f"{name} {count}" for name, count in counts.items()
    )
