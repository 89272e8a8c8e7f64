"""Record times as PostgreSQL's binary timestamptz."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headgate.landing.lossless_json import Number

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NULL = struct.pack(">i", -1)
pack_time = struct.Struct(">iq").pack

CACHE_LIMIT = 10_000

#: Types of the contract for times that are numbers, and how many of their units are a second.
EPOCH_UNITS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
#: Seconds since 1970 at the start of 1900 and of 2100: the times that a contract takes lie between.
EARLIEST, LATEST = -2_208_988_800, 4_102_444_800

_DAY = r"(\d{4})(?:-(\d\d)-(\d\d)|/(\d\d)/(\d\d))"
_CLOCK = r"(\d\d:\d\d)(:\d\d(?:\.(\d+))?)?"
_ZONE = r"\s*(?:[Zz]|UTC|GMT|([+-]\d\d)(?::?(\d\d))?)"
_TIME = re.compile(rf"{_DAY}(?:[Tt ]{_CLOCK}(?:{_ZONE})?)?", re.ASCII)
#: The commonest form, which Python reads by itself.
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,9})?", re.ASCII)


def parse_time(text: str) -> datetime | None:
    """The instant, None when it cannot be read. A time without a zone is UTC, as the archive's hours are.

    Reads what macros/contract/timestamp_pattern.sql takes as PostgreSQL does, and other years besides.
    """
    if _PLAIN.fullmatch(text):
        return _from_iso(text)
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, slash_month, slash_day, clock, seconds, fraction, hours, minutes = found.groups()
    date = f"{year}-{month or slash_month}-{day or slash_day}"
    offset = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    whole = _from_iso(f"{date}T{clock or '00:00'}{(seconds or ':00')[:3]}{offset}")
    try:
        return whole and (whole + _microseconds(fraction)).astimezone(UTC)
    except OverflowError:
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _microseconds(fraction: str | None) -> timedelta:
    """The digits behind the point of a second, rounded as PostgreSQL rounds them."""
    return timedelta(microseconds=round(float(f"0.{fraction}") * 1_000_000)) if fraction else timedelta()


def parse_epoch(value: Any, unit: int) -> datetime | None:
    """The instant of a number, or of its text, of `unit` parts of a second since 1970; None when it is none.

    Instants lie from 1900 to 2099; what is finer than a microsecond is rounded.
    """
    # What the exact parser read is a number, though a string in Python.
    is_number = type(value) in (int, float) or isinstance(value, Number)
    if not is_number and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return None
    number = Decimal(str(value))
    if not EARLIEST * unit <= number < LATEST * unit:
        return None
    microseconds = (number * 1_000_000 / unit).to_integral_value(ROUND_HALF_UP)
    return UNIX_EPOCH + int(microseconds) * MICROSECOND


class TimeEncoder:
    """Encodes times as fields of a binary COPY; remembers them, because an hour has few."""

    def __init__(self, time_type: str = "timestamp") -> None:
        self._known: dict[Any, bytes] = {}
        self._unit = EPOCH_UNITS.get(time_type, 0)

    @property
    def encode(self) -> Callable[[object], bytes]:
        """Encodes a record's time; null when it cannot be read."""
        return self._encode_number if self._unit else self._encode_text

    def _encode_text(self, text: object) -> bytes:
        if type(text) is not str:
            return NULL
        return self._known.get(text) or self._keep(text, parse_time(text))

    def _encode_number(self, value: object) -> bytes:
        if type(value) is int:
            return self._known.get(value) or self._keep(value, parse_epoch(value, self._unit))
        return self._keep(None, parse_epoch(value, self._unit))

    def _keep(self, key: Any, found: datetime | None) -> bytes:
        if found is None:
            return NULL
        field = pack_time(8, (found - EPOCH) // MICROSECOND)
        if key is not None:
            if len(self._known) >= CACHE_LIMIT:
                self._known.clear()
            self._known[key] = field
        return field
