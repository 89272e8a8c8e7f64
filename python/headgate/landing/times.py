"""Record times as PostgreSQL's binary timestamptz."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NULL = struct.pack(">i", -1)
pack_time = struct.Struct(">iq").pack

CACHE_LIMIT = 10_000

_TIME = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?\d*\s*(?:(Z|z|UTC|GMT)|([+-]\d\d):?(\d\d))?"
)


def parse_time(text: str) -> datetime | None:
    """The instant, None when it cannot be read. A time without a zone is UTC, as the archive's hours are."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, clock, fraction, _, hours, minutes = found.groups()
    offset = f"{hours}:{minutes}" if hours else "+00:00"
    digits = fraction.ljust(7, "0") if fraction else ""
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{digits}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class TimeEncoder:
    """Encodes times as fields of a binary COPY; remembers them, because an hour has few."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def encode(self, text: object) -> bytes:
        """A record's time; null when it cannot be read."""
        if type(text) is not str:
            return NULL
        return self._known.get(text) or self._encode(text)

    def _encode(self, text: str) -> bytes:
        found = parse_time(text)
        if found is None:
            return NULL
        if len(self._known) >= CACHE_LIMIT:
            self._known.clear()
        field = self._known[text] = pack_time(8, (found - EPOCH) // MICROSECOND)
        return field
