"""The GitHub archive: public GitHub events, one gzip file of JSON lines an hour."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.sources.base import Delivery, Partition, whole_path
from headgate.sources.hour_names import HOUR, HourNames, LocalNames

ARCHIVE_URL = "https://data.gharchive.org"

#: Files of the timeline, from its first one on, are named in Pacific time, all others in UTC.
#: The last eight of them cover hours that files named in UTC cover too: 2014-12-31-16 that of 2015-01-01-0.
NAMES = HourNames((LocalNames("America/Los_Angeles", since="2012-03-10T22", until="2015-01-01T00"),))

#: Names of the weeks before the change: which of the two they say is seen in the file.
_DOUBTFUL = ("2012-03-01T00", "2012-03-11T06")
_FIRST_BYTES = 1 << 20

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
        found = partition or _partition_inside(file) or partition_of(file.name)
        if found is None:
            raise _unnamed(file)
        return Delivery(self.name, self.entity, found, str(whole_path(file)))

    def is_covered(self, hour: datetime) -> bool:
        """See `is_covered`."""
        return is_covered(hour)

    def delivery_of(self, settings: Settings, hour: datetime) -> Delivery:
        """See `delivery_of`."""
        return delivery_of(settings, hour)

    def is_published(self, settings: Settings, hour: datetime) -> bool:
        """See `is_published`."""
        return is_published(settings, hour)


GHARCHIVE = _GHArchive()


def partition_of(file_name: str) -> Partition | None:
    """The time, UTC, that an archive file covers by its name: an hour, or a day.

    None when the name says neither, or an hour that the clocks skipped when summer began.
    """
    if (name := _named(file_name)) is None:
        return None
    hour, is_day = name
    return NAMES.day(hour) if is_day else NAMES.partition(hour)


def _partition_inside(file: Path) -> Partition | None:
    """The time that a file covers by its first record; None where no doubt is, or no record helps."""
    name = _named(file.name)
    if name is None or name[1] or not _DOUBTFUL[0] <= f"{name[0]:%Y-%m-%dT%H}" < _DOUBTFUL[1]:
        return None
    if (at := _first_time(file)) is None:
        return None
    return min(NAMES.readings(name[0]), key=lambda reading: abs(reading.start + HOUR / 2 - at))


def _first_time(file: Path) -> datetime | None:
    """When the first record of a file was made; None where it does not say."""
    try:
        if not file.is_file():
            return None
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
            start = content.read(_FIRST_BYTES)
        record, _ = json.JSONDecoder().raw_decode(start.decode(errors="replace").lstrip())
        at = datetime.fromisoformat(record["created_at"].replace("/", "-").replace(" -", "-"))
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zlib.error):
        return None
    return at if at.tzinfo else None


def _named(file_name: str) -> tuple[datetime, bool] | None:
    """The hour that a name says, or the first hour of the day and True."""
    named = _NAME.fullmatch(file_name)
    if named is None:
        return None
    year, month, day, hour = named.groups()
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{hour or '0':0>2}"), hour is None
    except ValueError:
        return None


def _unnamed(file: Path) -> UsageError:
    skipped = _named(file.name) is not None
    return UsageError(
        str(file),
        expected=(
            "an hour that clocks in San Francisco showed: files of 2012-03-10 to 2014 are named in its time"
            if skipped
            else "a name such as 2016-01-01-1.json.gz (an hour) or 2016-01-01.json.gz (a day)"
        ),
        found="an hour that was skipped when summer time began" if skipped else "another name",
        next_step="pass --partition START/END, such as --partition 2016-01-01T01/2016-01-01T02",
    )


def file_name(hour: datetime) -> str:
    """The archive's name of the file that covers an hour, UTC; the hour in it has no leading zero.

    Raises:
        UsageError: no file covers it.
    """
    name = NAMES.name(hour)
    if name is None:
        raise UsageError(
            f"hour {hour:%Y-%m-%dT%H} of the GitHub archive",
            expected="an hour that a file covers",
            found="none: names change from UTC to Pacific time there",
            next_step="leave it out; the first hour after the change is 2012-03-11T06",
        )
    return f"{name:%Y-%m-%d}-{name.hour}.json.gz"


def is_covered(hour: datetime) -> bool:
    """Whether a file of the archive covers an hour, by the names of its files."""
    return NAMES.name(hour) is not None


def archive_url(settings: Settings) -> str:
    """Where hours are fetched from: HEADGATE_ARCHIVE_URL, else the archive itself."""
    return settings.archive_url or ARCHIVE_URL


def locate(settings: Settings, hour: datetime) -> str:
    """Where the file of an hour is: a path when HEADGATE_DATA holds it, else its URL."""
    if settings.data_dir is not None and (local := settings.data_dir / file_name(hour)).is_file():
        return str(local)
    return f"{archive_url(settings)}/{file_name(hour)}"


def delivery_of(settings: Settings, hour: datetime) -> Delivery:
    """The delivery that covers an hour, from where `locate` finds it.

    It covers two hours where the clocks showed one twice.

    Raises:
        UsageError: no file covers the hour.
    """
    uri = locate(settings, hour)
    partition = partition_of(uri.rsplit("/", 1)[-1])
    assert partition is not None, "a name made from an hour"
    return Delivery(GHARCHIVE.name, GHARCHIVE.entity, partition, uri)


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
    if not is_covered(hour):
        return False
    delivery = delivery_of(settings, hour)
    if not delivery.is_remote:
        return True
    from headgate.sources.http import exists

    return exists(delivery.uri)
