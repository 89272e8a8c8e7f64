"""Sources whose files are an hour each: landed hour by hour, waited for and backfilled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, runtime_checkable

from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.sources.base import Delivery, Source
from headgate.sources.hour_names import HOUR


@runtime_checkable
class HourlySource(Source, Protocol):
    """A source that can say which delivery covers an hour, UTC."""

    def is_covered(self, hour: datetime) -> bool:
        """Whether a file covers an hour, by the names of its files."""

    def delivery_of(self, settings: Settings, hour: datetime) -> Delivery:
        """The delivery that covers an hour; it may cover others too.

        Raises:
            UsageError: no file covers it.
        """

    def is_published(self, settings: Settings, hour: datetime) -> bool:
        """Whether the file of an hour can be had.

        Raises:
            HeadgateError: where it would be cannot be reached.
        """


def hours_between(first: datetime, last: datetime) -> list[datetime]:
    """Every hour from `first` to `last`, both included.

    Raises:
        UsageError: `last` is before `first`.
    """
    if last < first:
        raise UsageError(
            f"hours {first:%Y-%m-%dT%H} to {last:%Y-%m-%dT%H}",
            expected="the first hour before the last",
            found="the other way round",
            next_step="swap --from and --to",
        )
    return [first + HOUR * number for number in range((last - first) // HOUR + 1)]


def deliveries_of(source: HourlySource, settings: Settings, hours: Iterable[datetime]) -> list[Delivery]:
    """The deliveries that cover hours, each once; hours that no file covers are left out.

    Raises:
        UsageError: no file covers any of them.
    """
    wanted = list(hours)
    covered = [hour for hour in wanted if source.is_covered(hour)] or wanted[:1]
    return list(dict.fromkeys(source.delivery_of(settings, hour) for hour in covered))
