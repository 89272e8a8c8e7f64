"""What every source shares: partitions, deliveries, and the times that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from headgate.errors import UsageError


@dataclass(frozen=True, order=True)
class Partition:
    """A stretch of time that is landed, replaced and built as one; `end` is not part of it."""

    start: datetime
    end: datetime

    @property
    def extent(self) -> str:
        """START/END, as `parse_partition` takes it."""
        return f"{self.start:%Y-%m-%dT%H}/{self.end:%Y-%m-%dT%H}"


@dataclass(frozen=True)
class Delivery:
    """One file of one source: it holds one partition alone, or adds to what is landed."""

    source: str
    entity: str
    #: None: it adds, and its extent follows from its records.
    partition: Partition | None
    #: A path, or a URL that is fetched first.
    uri: str
    #: Where its bytes came from, when redirects led elsewhere.
    origin: str | None = None

    @property
    def extent(self) -> Partition:
        """The partition that it holds alone."""
        assert self.partition is not None, "asked of deliveries that replace partitions only"
        return self.partition

    @property
    def title(self) -> str:
        """What people call it: its first hour, its extent, or its file."""
        if self.partition is None:
            return self.shown_uri.rsplit("/", 1)[-1]
        one_hour = self.partition.end - self.partition.start == timedelta(hours=1)
        return f"{self.partition.start:%Y-%m-%dT%H}" if one_hour else self.partition.extent

    @property
    def shown_uri(self) -> str:
        """The path or URL for ledgers and messages: a URL's query and user may be credentials."""
        return without_credentials(self.uri) if self.is_remote else self.uri

    @property
    def ledger_uri(self) -> str:
        """What the ledger of what landed says: also where redirects led."""
        return f"{self.shown_uri}, redirected to {self.origin}" if self.origin else self.shown_uri

    @property
    def is_remote(self) -> bool:
        """True when the file has to be fetched."""
        return self.uri.startswith(("http://", "https://"))


class Source(Protocol):
    """How a source names its deliveries."""

    @property
    def name(self) -> str:
        """The source's name, as in `staging_<name>`."""

    @property
    def entity(self) -> str:
        """The landing table's name."""

    @property
    def contract(self) -> tuple[str, str]:
        """Source and table whose contract and staging models hold for its records; mostly its own."""

    @property
    def appends(self) -> bool:
        """Whether its loads add to what is landed, instead of replacing partitions."""

    def delivery(self, file: Path, partition: Partition | None = None) -> Delivery:
        """The delivery that a file is; its partition from the file's name unless given."""


@dataclass(frozen=True)
class AppendingSource:
    """A source whose deliveries add to what is landed."""

    name: str
    entity: str
    #: Source and table whose contract and staging models hold for its records.
    contract: tuple[str, str]
    appends: bool = True

    def delivery(self, file: Path, partition: Partition | None = None) -> Delivery:
        """The delivery that a file is.

        Raises:
            UsageError: a partition is given.
        """
        if partition is not None:
            raise UsageError(
                f"source {self.name}",
                expected="files only: what they hold is added, and its time is read from the records",
                found="a partition",
                next_step="leave out --partition",
            )
        return Delivery(self.name, self.entity, None, str(whole_path(file)))


def whole_path(file: Path) -> Path:
    """The path without links.

    Raises:
        UsageError: it leads to no path, such as /dev/fd/63, which a shell writes for `<(...)`.
    """
    found = file.resolve()
    if not found.exists() and file.exists():
        raise UsageError(
            str(file),
            expected="a file",
            found="a pipe, or another that has no path",
            next_step="write what it gives into a file, then land that",
        )
    return found


def without_credentials(url: str) -> str:
    """A URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def delivery_at(source: Source, place: str, partition: Partition | None = None) -> Delivery:
    """The delivery of a source that a path or a URL leads to.

    Raises:
        UsageError: see `Source.delivery`.
    """
    if not place.startswith(("http://", "https://")):
        return source.delivery(Path(place), partition)
    named = source.delivery(Path(urlsplit(place).path), partition)
    return replace(named, uri=place)


def parse_hour(text: str) -> datetime:
    """The hour that `2016-01-01T01` (or a longer ISO time at a full hour) names, UTC.

    Raises:
        UsageError: it names none.
    """
    try:
        found = datetime.fromisoformat(text if "T" in text or " " in text else f"{text}T00")
    except ValueError:
        raise _not_an_hour(text) from None
    found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    if found.minute or found.second or found.microsecond:
        raise _not_an_hour(text)
    return found


def parse_partition(text: str) -> Partition:
    """The partition that `START/END` names, END not part of it.

    Raises:
        UsageError: it names none.
    """
    start, slash, end = text.partition("/")
    if slash:
        partition = Partition(parse_hour(start), parse_hour(end))
        if partition.start < partition.end:
            return partition
    raise UsageError(
        f"partition {text}",
        expected="START/END, START before END, such as 2016-01-01T01/2016-01-01T02",
        found=repr(text),
        next_step="correct --partition",
    )


def _not_an_hour(text: str) -> UsageError:
    return UsageError(
        f"time {text}",
        expected="a full hour, UTC, such as 2016-01-01T01",
        found=repr(text),
        next_step="correct it",
    )
