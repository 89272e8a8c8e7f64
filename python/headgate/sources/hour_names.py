"""What files of hours are called: in UTC, and in declared periods in the local time of a place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from headgate.sources.base import Partition

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class LocalNames:
    """A period whose files are named in the local time of a zone that differs from UTC by full hours."""

    timezone: str
    #: The first name that is local, such as 2012-03-10T22, and the first that no longer is.
    since: str
    until: str

    def has(self, name: datetime) -> bool:
        """Whether the file named after this hour is named in local time."""
        return self.since <= f"{name:%Y-%m-%dT%H}" < self.until

    def instants(self, name: datetime) -> list[datetime]:
        """The hours, UTC, in which the clock showed that hour: none in spring, two in autumn."""
        zone = ZoneInfo(self.timezone)
        both = {name.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        return sorted(hour for hour in both if self.name(hour) == name)

    def name(self, hour: datetime) -> datetime:
        """What the clock showed in an hour, UTC."""
        return hour.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)


@dataclass(frozen=True)
class HourNames:
    """How a source names the files of its hours: in UTC but for some periods.

    A name is a time without a zone: what the file is called after.
    """

    local: tuple[LocalNames, ...] = ()

    def partition(self, name: datetime) -> Partition | None:
        """The stretch of time that a file named after an hour covers; None for an hour that no clock showed.

        A name that the clock showed twice stands for both hours.
        """
        period = self._period(name)
        hours = period.instants(name) if period else [name.replace(tzinfo=UTC)]
        return Partition(hours[0], hours[-1] + HOUR) if hours else None

    def readings(self, name: datetime) -> list[Partition]:
        """What a file named after an hour may cover: that hour of UTC, or of any of the periods' zones."""
        in_utc = name.replace(tzinfo=UTC)
        local = [hours for period in self.local if (hours := period.instants(name))]
        return [Partition(in_utc, in_utc + HOUR), *(Partition(hours[0], hours[-1] + HOUR) for hours in local)]

    def day(self, name: datetime) -> Partition:
        """The stretch of time that a file named after a day covers: 23 to 25 hours where names are local."""
        return Partition(self._midnight(name), self._midnight(name + DAY))

    def name(self, hour: datetime) -> datetime | None:
        """The name of the file that covers an hour, UTC; None where the change of names left no file for it.

        Of two files that cover one hour the one named in UTC is meant.
        """
        in_utc = hour.astimezone(UTC).replace(tzinfo=None)
        if self._period(in_utc) is None:
            return in_utc
        return next((name for period in self.local if period.has(name := period.name(hour))), None)

    def _midnight(self, name: datetime) -> datetime:
        found = self.partition(name)
        return found.start if found else self._midnight(name + HOUR)

    def _period(self, name: datetime) -> LocalNames | None:
        return next((period for period in self.local if period.has(name)), None)
