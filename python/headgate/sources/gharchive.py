"""The GitHub archive: public GitHub events, one gzip file of JSON lines an hour."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.sources.base import Delivery, Partition

HOUR = timedelta(hours=1)

_NAME = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:-(\d{1,2}))?\.(?:json|jsonl|ndjson)(?:\.gz)?")


@dataclass(frozen=True)
class _GHArchive:
    name: str = "gharchive"
    entity: str = "events"
    contract: tuple[str, str] = ("gharchive", "events")
    appends: bool = False

    def delivery(self, file: Path, partition: Partition | None = None) -> Delivery:
        """The delivery that a file is.

        Raises:
            UsageError: no partition is given and the file's name is neither an hour nor a day.
        """
        found = partition or partition_of(file.name)
        if found is None:
            raise UsageError(
                str(file),
                expected="a name such as 2016-01-01-1.json.gz (an hour) or 2016-01-01.json.gz (a day)",
                found="another name",
                next_step="pass --partition START/END, such as --partition 2016-01-01T01/2016-01-01T02",
            )
        return Delivery(self.name, self.entity, found, str(file.resolve()))


GHARCHIVE = _GHArchive()


def partition_of(file_name: str) -> Partition | None:
    """The hour or the day that an archive file's name says, None when it says neither."""
    named = _NAME.fullmatch(file_name)
    if named is None:
        return None
    year, month, day, hour = (int(part) if part else None for part in named.groups())
    try:
        start = datetime(year or 0, month or 0, day or 0, hour or 0, tzinfo=UTC)
    except ValueError:
        return None
    return Partition(start, start + (timedelta(days=1) if hour is None else HOUR))


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


def file_name(hour: datetime) -> str:
    """The archive's name for an hour's file; the hour has no leading zero."""
    return f"{hour:%Y-%m-%d}-{hour.hour}.json.gz"


def locate(settings: Settings, hour: datetime) -> str:
    """Where the file of an hour is: a path when HEADGATE_DATA holds it, else its URL."""
    if settings.data_dir is not None and (local := settings.data_dir / file_name(hour)).is_file():
        return str(local)
    return f"{settings.archive_url}/{file_name(hour)}"


def delivery_of(settings: Settings, hour: datetime) -> Delivery:
    """The delivery of an hour, from where `locate` finds it."""
    partition = Partition(hour, hour + HOUR)
    return Delivery(GHARCHIVE.name, GHARCHIVE.entity, partition, locate(settings, hour))


def fetch(settings: Settings, hour: datetime) -> Path:
    """The file of an hour on this machine; downloaded when it is not here.

    Raises:
        HeadgateError: it is not published, or the archive cannot be reached.
    """
    delivery = delivery_of(settings, hour)
    if not delivery.is_remote:
        return Path(delivery.uri)
    from headgate.sources.http import download

    return download(delivery.uri, settings.home / "downloads")


def is_published(settings: Settings, hour: datetime) -> bool:
    """True when the file of an hour can be had.

    Raises:
        HeadgateError: the archive cannot be reached.
    """
    delivery = delivery_of(settings, hour)
    if not delivery.is_remote:
        return True
    from headgate.sources.http import exists

    return exists(delivery.uri)
