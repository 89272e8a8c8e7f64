"""`headgate land` and `headgate replay`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any, NoReturn

import click

from headgate import postgres
from headgate.cli.landing import land_with_progress, show_loads
from headgate.errors import UsageError
from headgate.landing import land_files, replay_quarantined
from headgate.landing.replay import FIRST, LAST
from headgate.postgres.newest import require_newest
from headgate.receiving.source import WebhookSource
from headgate.report import began, number_of
from headgate.settings import Settings, load_settings
from headgate.sources import DeclaredSource, Delivery, HourlySource, Source, get_source
from headgate.sources.base import delivery_at, parse_hour, parse_partition
from headgate.sources.files import locations
from headgate.sources.hour_names import HOUR
from headgate.sources.hours import deliveries_of, hours_between
from headgate.sources.loaders import Files, loader_of


@click.command()
@click.argument("source")
@click.argument("files", nargs=-1)
@click.option("--from", "first", metavar="HOUR", help="First hour, UTC, such as 2016-01-01T01.")
@click.option("--to", "last", metavar="HOUR", help="Last hour, inclusive. Default: --from.")
@click.option(
    "--partition", metavar="START/END", help="Time range that FILE covers, if its name does not tell."
)
@click.option(
    "--connections", type=click.IntRange(min=1), help="Parallel connections. Default: one per core."
)
@click.option("--poll", is_flag=True, help="Keep polling until stopped.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds between polls, unless the source says.",
)
@click.option("--again", is_flag=True, help="Land unchanged files or hours again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def land(
    source: str,
    files: tuple[str, ...],
    first: str | None,
    last: str | None,
    partition: str | None,
    connections: int | None,
    poll: bool,
    every: float,
    again: bool,
    as_json: bool,
) -> None:
    """Land FILES or URLs of SOURCE, its hours --from to --to, or whatever is new.

    Hours come from HEADGATE_DATA when it holds their files, else over HTTP from HEADGATE_ARCHIVE_URL. What is
    landed already with the same content is left alone, unless its format, its loader or its contract says
    something else now, or --again is given; other content replaces what is landed for that time. What was
    discarded is left alone, too: restore it, or land it with --again where retention removed its records.
    A source that says where its records are (docs/sources.md) needs neither files nor hours. Exit code 1 when
    a load failed; the others are landed all the same.
    """
    settings = load_settings()
    if not files and not first and not partition and not last:
        files = locations(settings, source)
        if not files:
            if again:
                raise click.UsageError("--again takes files or hours, or a source that declares a location")
            _pull(settings, source, poll=poll, every=every, as_json=as_json)
            return
    elif poll:
        raise click.UsageError("--poll takes neither files nor hours")
    if poll and again:
        raise click.UsageError("--poll and --again exclude each other")
    while True:
        _land(settings, source, files, first, last, partition, connections, again, as_json)
        if not poll:
            return
        time.sleep(every)
        files = locations(settings, source)


def _land(
    settings: Settings,
    source: str,
    files: tuple[str, ...],
    first: str | None,
    last: str | None,
    partition: str | None,
    connections: int | None,
    again: bool,
    as_json: bool,
) -> None:
    """Lands files or hours, and prints what came of it."""
    deliveries = _deliveries(settings, source, files, first, last, partition)
    asyncio.run(_find_ledger(settings))
    began = time.monotonic()
    if as_json:
        results = land_files(settings, source, deliveries, connections=connections, again=again)
        click.echo(json.dumps([result.as_dict() for result in results], indent=2))
    else:
        results = land_with_progress(settings, source, deliveries, connections, again)
        show_loads(results, time.monotonic() - began)
    if any(result.failed for result in results):
        sys.exit(1)


async def _find_ledger(settings: Settings) -> None:
    """Fails where the ledger cannot be written to: once, before each landing process does."""
    connection = await postgres.connect(settings)
    try:
        await require_newest(connection)
    finally:
        await connection.close()


def _pull(settings: Settings, source: str, *, poll: bool, every: float, as_json: bool) -> None:
    """Asks a source for what is new, once or on and on, and prints what came of it."""
    # Imported here: files and hours need none of it.
    from headgate import pulling

    def say(text: str) -> None:
        click.echo(text, err=True)

    if poll:
        _run_until_stopped(pulling.poll(settings, source, every=every, say=say))
    done = asyncio.run(pulling.pull(settings, source, (lambda _: None) if as_json else say))
    if as_json:
        click.echo(json.dumps([done.as_dict()], indent=2))
        return
    rows = done.rows
    deleted = f", {done.deleted:,} deletes" if done.deleted else ""
    click.echo(
        f"{source}: {rows.landed:,} landed{deleted}, {rows.rejected:,} rejected, {rows.repaired:,} repaired, "
        f"{rows.redelivered:,} had landed before; {number_of(done.requests, 'request')}, {done.seconds:.1f} s"
    )


def _run_until_stopped(work: Coroutine[Any, Any, None]) -> NoReturn:
    """Runs until Ctrl-C or SIGTERM, and then lets it end what it has begun."""

    async def run() -> None:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    click.echo("stopped", err=True)
    sys.exit(0)


@click.command()
@click.argument("source")
@click.option("--from", "first", metavar="HOUR", help="First hour, UTC.")
@click.option("--to", "last", metavar="HOUR", help="Last hour, inclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(source: str, first: str | None, last: str | None, as_json: bool) -> None:
    """Have the next build retype partitions of SOURCE that have quarantined records."""
    name = get_source(source).name
    start = parse_hour(first) if first else FIRST
    end = parse_hour(last) + HOUR if last else LAST
    replayed = asyncio.run(replay_quarantined(load_settings(), name, start, end))
    if as_json:
        rows = [{**vars(item), "partition_start": item.partition_start.isoformat()} for item in replayed]
        click.echo(json.dumps(rows, indent=2))
        return
    for item in replayed:
        click.echo(
            f"{began(item.partition_start):%Y-%m-%dT%H:%MZ}  "
            f"{number_of(item.quarantined_rows, 'quarantined row')}, "
            f"{number_of(item.models, 'model')} to build again"
        )
    if replayed:
        click.echo("The next build types them again: headgate run build_features")
    else:
        click.echo("No partition has quarantined rows; nothing to do.")


def _deliveries(
    settings: Settings,
    source: str,
    files: tuple[str, ...],
    first: str | None,
    last: str | None,
    partition: str | None,
) -> list[Delivery]:
    """What the command line asks for."""
    named = get_source(source)
    if bool(files) == bool(first) or (last and not first) or (partition and len(files) != 1):
        raise UsageError(
            "headgate land",
            expected="either FILES or --from and --to; --partition with one FILE",
            found="another combination",
            next_step="see headgate land --help",
        )
    if first:
        if not isinstance(named, HourlySource):
            raise _has_no_hours(settings, named)
        hours = hours_between(parse_hour(first), parse_hour(last or first))
        if missing := sum(not named.is_covered(hour) for hour in hours):
            click.echo(f"{missing} of {len(hours)} hours have no file: names change there", err=True)
        return deliveries_of(named, settings, hours)
    extent = parse_partition(partition) if partition else None
    return [delivery_at(named, file, extent) for file in files]


def _has_no_hours(settings: Settings, source: Source) -> UsageError:
    """The error of hours that are asked of a source whose files are not an hour each."""
    declared = loader_of(source, settings.project_dir) if isinstance(source, DeclaredSource) else None
    if isinstance(declared, Files):
        instead = f"headgate land {source.name} FILE ..."
    elif isinstance(source, WebhookSource):
        instead = "headgate receive"
    else:
        instead = f"headgate land {source.name}: it lands what is new"
    return UsageError(
        f"source {source.name}",
        expected="hours of a source whose files are an hour each",
        found="--from for a source whose records are added as they come",
        next_step=instead,
    )
