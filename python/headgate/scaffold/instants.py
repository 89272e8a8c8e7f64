"""Which values of a sample are times: texts, and numbers of seconds since 1970. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from headgate.errors import UsageError
from headgate.landing.times import EPOCH_UNITS, LATEST, parse_time
from headgate.scaffold.names import snake_case

#: Seconds since 1970 at the start of 1990. Earlier ones are more likely another number.
_EARLIEST_PLAUSIBLE = 631_152_000
#: How many of the values of a path have to be times.
MOST = 0.95
#: The contract's timestamp, as macros/contract/timestamp_pattern.sql has it; days are looked at apart.
_TIMESTAMP = re.compile(
    r"(?P<day>(19|20)\d\d[-/]\d\d[-/]\d\d)"
    r"(?P<clock>[Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.]\d{1,9})?)?"
    r"(?P<zone> ?([Zz]|UTC|GMT|[+-](0\d|1[0-5])(:?[0-5]\d)?))?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,9})?", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d\d)([T ].*)?", re.ASCII)
_UNIT = "(_(ms|us|ns|s|seconds|millis|micros|nanos|utc))?"
_CALLED = re.compile(
    r"(.*_)?(created|updated|modified|deleted|closed|opened|started|ended|finished|completed|expires|expired|received"
    rf"|sent|paid|ordered|published|registered|joined|merged|seen|since|until|start|end|begin)(_(at|on))?{_UNIT}"
    rf"|(.*_)?(at|time|times?tamp|datetime|date|ts|epoch){_UNIT}"
)


def type_of_text(text: str) -> str:
    """The contract's type of a string: timestamp, date or string."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None or parse_time(text) is None:
        return "string"
    return "timestamp" if found["clock"] else "date"


def says_no_zone(text: str) -> bool:
    """Whether a timestamp leaves out its zone."""
    found = _TIMESTAMP.fullmatch(text)
    return found is not None and not found["zone"]


def is_ambiguous(text: str) -> bool:
    """Whether a text is a date that some read day first and others month first."""
    return _AMBIGUOUS.fullmatch(text) is not None


def is_called_like_a_time(key: str) -> bool:
    """Whether a key says that its value is a time."""
    return _CALLED.fullmatch(snake_case(key)) is not None


def number_of(value: Any) -> float | None:
    """A number, or the number that a text holds; None where there is none."""
    if type(value) in (int, float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def epoch_between(lowest: float, highest: float) -> str | None:
    """The epoch type in which two numbers lie from 1990 to 2099; None where there is none."""
    for name, unit in EPOCH_UNITS.items():
        if _EARLIEST_PLAUSIBLE * unit <= lowest and highest < LATEST * unit:
            return name
    return None


def epoch_type(values: Iterable[Any]) -> str | None:
    """The epoch type of values that are all numbers, or texts of numbers."""
    numbers = [number_of(value) for value in values]
    known = [number for number in numbers if number is not None]
    return epoch_between(min(known), max(known)) if known and len(known) == len(numbers) else None


def are_times(values: Iterable[Any]) -> bool:
    """Whether nearly all values are times that landing can read."""
    listed = list(values)
    present = [value for value in listed if value is not None]
    readable = sum(isinstance(value, str) and parse_time(value) is not None for value in present)
    times = readable if epoch_type(present) is None else len(present)
    return bool(present) and times >= MOST * len(listed)


def require_times(option: str, path: str, values: Iterable[Any]) -> None:
    """Refuses a path whose values are no times.

    Raises:
        UsageError: they are none; the message says what they are, and quotes nothing.
    """
    present = [value for value in values if value is not None]
    if are_times(present):
        return
    raise UsageError(
        f"{option} {path}",
        expected="times: year first, such as 2026-01-31T12:00:00Z, or seconds or parts of one since 1970",
        found=_found(present),
        next_step="name another path, or leave it out: records then have the time at which they landed",
    )


def _found(values: list[Any]) -> str:
    texts = [value for value in values if isinstance(value, str)]
    if any(is_ambiguous(text) for text in texts):
        return "dates that do not say whether the day or the month comes first"
    if len(texts) == len(values):
        return "texts that are none"
    if all(number_of(value) is not None for value in values):
        return "numbers outside 1990 to 2099 in seconds, milli-, micro- and nanoseconds"
    return "values that are none"
