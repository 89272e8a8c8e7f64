"""Record times as PostgreSQL's binary timestamptz."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NULL = struct.pack(">i", -1)

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


def encode_time(text: object) -> bytes:
    """A record's time as a field of a binary COPY; null when it cannot be read."""
    found = parse_time(text) if isinstance(text, str) else None
    return NULL if found is None else struct.pack(">iq", 8, (found - EPOCH) // MICROSECOND)
