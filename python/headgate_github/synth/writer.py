"""Generates hours of the archive: in memory, or as files with their truth beside them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import orjson
from isal import isal_zlib

from headgate.errors import UsageError
from headgate_github import archive
from headgate_github.synth import mixture, threads, traps
from headgate_github.synth.file_traps import FILE_TRAPS, REDELIVER
from headgate_github.synth.trap_kit import RENDER, facts_of
from headgate_github.synth.truth import Facts, HourTruth, Outcome, Truth, total
from headgate_github.synth.world import Emails, Generation, World

#: gzip with an empty header: the same bytes whenever and wherever it is written.
_GZIP, _LEVEL = 31, 2
_CHUNK = 1 << 20
_SLIM_SINCE = datetime(2025, 10, 7, tzinfo=UTC)
_EVENTS_SINCE = datetime(2015, 1, 1, tzinfo=UTC)
_TIMELINE_SINCE = datetime(2012, 3, 11, 6, tzinfo=UTC)
_EARLIEST = datetime(2011, 2, 12, tzinfo=UTC)
#: About one ordinary line in so many comes this many lines too late: an hour is not sorted by time.
_LATE_ONE_IN, _LATE_BY = 500, 40


@dataclass(frozen=True, slots=True)
class SynthHour:
    """One generated file and what is true of it."""

    name: str
    content: bytes
    truth: HourTruth


def generate_hour(
    hour: datetime,
    *,
    seed: int = 7,
    events_per_hour: int = 1_000,
    generation: Generation | None = None,
    traps: Iterable[str] = (),
    emails: Emails = "clear",
) -> SynthHour:
    """One hour of the archive, always the same for the same arguments, whatever else is generated.

    `generation` None takes the one that the archive had at that time. `emails` "hashed" gives the hour as the
    archive delivers it today: the same events, with the addresses of commit authors hashed.
    """
    sink = io.BytesIO()
    truth = _write(sink, [hour], seed, events_per_hour, generation, tuple(traps), emails)
    return SynthHour(truth.file, sink.getvalue(), truth)


def write_hours(
    out_dir: Path,
    start: datetime,
    end: datetime,
    *,
    seed: int = 7,
    events_per_hour: int = 1_000,
    generation: Generation | None = None,
    traps: Iterable[str] = (),
    file_trap: str | None = None,
    on_hour: Callable[[HourTruth], None] | None = None,
) -> Truth:
    """Writes the hours from `start` to `end`, both included, each with its truth, and `truth.json` about all.

    Two hours that the archive has in one file are written into one; hours of which it has none are left out.
    `file_trap` spoils every file whole; `redeliver` writes each hour a second time, with hashed addresses,
    into the folder `redelivered`.

    Raises:
        UsageError: the range is empty or the trap unknown.
    """
    _check(start, end, file_trap)
    out_dir.mkdir(parents=True, exist_ok=True)
    chosen = tuple(traps)
    truths = []
    for name, hours in _files(start, end).items():
        path = out_dir / name
        with path.open("wb") as sink:
            truth = _write(sink, hours, seed, events_per_hour, generation, chosen, "clear")
        if file_trap == REDELIVER:
            _redeliver(out_dir / "redelivered", hours, seed, events_per_hour, generation, chosen)
        elif file_trap:
            path.write_bytes(FILE_TRAPS[file_trap](path.read_bytes()))
        truth.file_trap = file_trap
        _write_json(out_dir / f"{path.name.removesuffix('.json.gz')}.truth.json", truth.as_dict())
        truth.marks.clear()
        truths.append(truth)
        if on_hour:
            on_hour(truth)
    whole = total(truths)
    _write_json(out_dir / "truth.json", whole.as_dict())
    return whole


def file_name(hour: datetime) -> str:
    """The archive's name of the file that an hour, UTC, is in; see `headgate_github.archive`.

    Raises:
        UsageError: the archive has no file of it.
    """
    return archive.file_name(hour)


def generation_at(hour: datetime) -> Generation:
    """The generation that the archive had in an hour."""
    if hour >= _SLIM_SINCE:
        return "events_slim"
    if hour >= _EVENTS_SINCE:
        return "events"
    return "timeline" if hour >= _TIMELINE_SINCE else "events_early"


def _redeliver(
    folder: Path,
    hours: Sequence[datetime],
    seed: int,
    events: int,
    generation: Generation | None,
    chosen: tuple[str, ...],
) -> None:
    folder.mkdir(exist_ok=True)
    name = file_name(hours[0])
    with (folder / name).open("wb") as sink:
        truth = _write(sink, hours, seed, events, generation, chosen, "hashed")
    _write_json(folder / f"{name.removesuffix('.json.gz')}.truth.json", truth.as_dict())


def _write(
    sink: BinaryIO,
    hours: Sequence[datetime],
    seed: int,
    events_per_hour: int,
    generation: Generation | None,
    chosen: tuple[str, ...],
    emails: Emails,
) -> HourTruth:
    first = hours[0]
    generation = generation or generation_at(first)
    world = _world(seed, events_per_hour, emails)
    truth = HourTruth(f"{first:%Y-%m-%dT%H}", file_name(first), generation, seed, events_per_hour, emails)
    gzip = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    chunk, size = [], 0
    for line in _lines_of_hours(world, generation, hours, chosen, truth):
        chunk.append(line)
        size += len(line)
        if size > _CHUNK:
            sink.write(gzip.compress(b"\n".join(chunk) + b"\n"))
            chunk, size = [], 0
    sink.write(gzip.compress(b"".join(line + b"\n" for line in chunk)))
    sink.write(gzip.flush())
    return truth


def _lines_of_hours(
    world: World,
    generation: Generation,
    hours: Sequence[datetime],
    chosen: tuple[str, ...],
    truth: HourTruth,
) -> Iterator[bytes]:
    for hour in hours:
        truth.in_first_hour, truth.in_last_hour = hour == hours[0], hour == hours[-1]
        number = threads.hours_since_origin(int(hour.timestamp()))
        yield from _lines(world, generation, number, chosen, truth)


def _lines(
    world: World, generation: Generation, hour: int, chosen: tuple[str, ...], truth: HourTruth
) -> Iterator[bytes]:
    waiting = traps.place(world, generation, hour, chosen)
    waiting.reverse()
    tally: Counter[Facts] = Counter()
    for position, (line, facts) in enumerate(_unsorted(_ordinary(world, generation, hour))):
        while waiting and waiting[-1].position <= position:
            yield _trap_line(waiting.pop(), truth)
        truth.lines += 1
        tally[facts] += 1
        yield line
    while waiting:
        yield _trap_line(waiting.pop(), truth)
    truth.count_ordinary(tally)


def _ordinary(world: World, generation: Generation, hour: int) -> Iterator[tuple[bytes, Facts]]:
    render = RENDER[generation]
    for event in mixture.happenings(world, generation, hour):
        record = render(world, event)
        yield orjson.dumps(record), facts_of(event, record)


def _unsorted(lines: Iterator[tuple[bytes, Facts]]) -> Iterator[tuple[bytes, Facts]]:
    """The lines, some of them a little later than their turn."""
    late: list[tuple[int, tuple[bytes, Facts]]] = []
    for number, item in enumerate(lines):
        if item[1].step is None and number % _LATE_ONE_IN == _LATE_BY:
            late.append((number + _LATE_BY, item))
        else:
            yield item
        while late and late[0][0] <= number:
            yield late.pop(0)[1]
    yield from (item for _, item in late)


def _trap_line(placed: traps.Placed, truth: HourTruth) -> bytes:
    line = placed.line
    outcome: Outcome = "duplicate" if line.in_next_hour and not truth.in_last_hour else line.outcome
    truth.count_trap(placed.trap, outcome, line.facts, repaired=line.repaired)
    if line.second:
        truth.count_trap(placed.trap, "typed", line.second)
    truth.again_from_previous_hour += line.from_previous_hour and truth.in_first_hour
    if line.in_next_hour and line.facts and truth.in_last_hour:
        truth.again_in_next_hour += 1
        truth.again_in_next_hour_counts.add(line.facts)
    return line.content


@lru_cache(maxsize=4)
def _world(seed: int, events_per_hour: int, emails: Emails) -> World:
    return World(seed, events_per_hour, emails)


def _files(start: datetime, end: datetime) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for hour in _hours(start, end):
        if archive.is_covered(hour):
            found.setdefault(file_name(hour), []).append(hour)
    return found


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start <= end:
        yield start
        start += timedelta(hours=1)


def _check(start: datetime, end: datetime, file_trap: str | None) -> None:
    if start > end or start < _EARLIEST:
        raise UsageError(
            "--from and --to",
            expected=f"hours in order, the first not before {_EARLIEST:%Y-%m-%d}",
            found=f"{start:%Y-%m-%dT%H} to {end:%Y-%m-%dT%H}",
            next_step="give the first and the last hour that you want",
        )
    if file_trap is not None and file_trap != REDELIVER and file_trap not in FILE_TRAPS:
        raise UsageError(
            "--file-trap",
            expected=f"one of {', '.join((*FILE_TRAPS, REDELIVER))}",
            found=file_trap,
            next_step="choose one of these names",
        )


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
