"""What a backfill is going to do: a range of hours, cut into chunks. Touches no server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.sources.base import parse_hour

HOUR = timedelta(hours=1)
#: Steps of a chunk.
LAND, BUILD = "land", "build"


@dataclass(frozen=True, order=True)
class Range:
    """Whole hours, UTC; `end` is not part of it."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, first: str, last: str) -> Range:
        """The range from hour `first` to hour `last`, both part of it.

        Raises:
            UsageError: one is not an hour, or `last` is before `first`.
        """
        found = cls(parse_hour(first), parse_hour(last) + HOUR)
        if found.start < found.end:
            return found
        raise UsageError(
            f"hours {first} to {last}",
            expected="the first hour before the last",
            found="the other way round",
            next_step="swap --from and --to",
        )

    @property
    def hours(self) -> list[datetime]:
        """Every hour of the range."""
        return [self.start + HOUR * number for number in range((self.end - self.start) // HOUR)]

    def cut(self, hours: int) -> list[Range]:
        """The range in pieces of so many hours; the last one may be shorter."""
        return [
            Range(start, min(start + HOUR * hours, self.end))
            for start in (self.start + HOUR * number for number in range(0, len(self.hours), hours))
        ]

    def __str__(self) -> str:
        """First and last hour, both part of the range."""
        return f"{self.start:%Y-%m-%dT%H} to {self.end - HOUR:%Y-%m-%dT%H}"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a range is cut and run. A backfill is resumed with the options that it began with."""

    chunk_hours: int
    #: A build follows after so many hours.
    batch_hours: int
    build: bool
    #: Takes hours again that are done.
    again: bool

    def as_dict(self) -> dict[str, Any]:
        """The options as `ops.backfills.options` holds them."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A part of a backfill, run as one. Chunks of a batch run at once, its build after them."""

    position: int
    batch: int
    step: str
    range: Range


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the database says of a range before anything is done."""

    range: Range
    #: Hours that need nothing, unless they are asked for again.
    done: frozenset[datetime]
    #: Hours that are landed.
    landed: frozenset[datetime]
    #: Partitions that landed and wait for a build.
    unbuilt: frozenset[datetime]
    #: One sentence for each kind of thing that would be replaced.
    replaces: tuple[str, ...]

    @property
    def left(self) -> list[datetime]:
        """Hours that are not done."""
        return [hour for hour in self.range.hours if hour not in self.done]


#: Called by a running chunk now and then, with hours done in it; raises to stop it.
OnHours = Callable[[int], None]
#: What became of a chunk, in counts by name. A count `failed` above 0 makes the chunk failed.
Outcome = dict[str, Any]


class Pipeline(Protocol):
    """How a pipeline's range is surveyed, cut and run. A source to backfill brings one of these."""

    @property
    def name(self) -> str:
        """The pipeline's name in Mage."""

    def default_options(self, build: bool, again: bool) -> Options:
        """The options where the command line names none.

        Raises:
            UsageError: the pipeline cannot do without a build, or the like.
        """

    def survey(self, settings: Settings, connection: Psycopg2Connection, asked: Range, again: bool) -> Survey:
        """What is done already, what is left, what would be replaced."""

    def cut(self, survey: Survey, options: Options) -> list[Chunk]:
        """The chunks, in order of their batches; none when nothing is left."""

    def run(self, settings: Settings, chunk: Chunk, options: Options, on_hours: OnHours) -> Outcome:
        """Runs one chunk to its end. Running it again, after whatever befell the first run, ends the same.

        Raises:
            HeadgateError: it failed.
        """


def cut_in_batches(
    asked: Range,
    options: Options,
    needs_step: Callable[[Range], bool],
    *,
    needs_build: bool,
) -> list[Chunk]:
    """Chunks of the step `land` where they are needed, and after each batch that has some its build.

    Args:
        asked: the range to cut.
        options: how long chunks and batches are, and whether there are builds.
        needs_step: whether a piece of the range has something to land.
        needs_build: whether there is a build although nothing is to be landed; one takes all that waits.
    """
    found: list[tuple[int, str, Range]] = []
    for batch, stretch in enumerate(asked.cut(options.batch_hours)):
        pieces = [(batch, LAND, piece) for piece in stretch.cut(options.chunk_hours) if needs_step(piece)]
        found += pieces
        if options.build and pieces:
            found.append((batch, BUILD, stretch))
    if options.build and needs_build and not found:
        found.append((0, BUILD, asked))
    return numbered(found)


def numbered(found: Iterable[tuple[int, str, Range]]) -> list[Chunk]:
    """(batch, step, range) as chunks."""
    return [
        Chunk(position=position, batch=batch, step=step, range=piece)
        for position, (batch, step, piece) in enumerate(found, start=1)
    ]
