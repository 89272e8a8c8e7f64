"""Requests for predictions, held against the model's signature."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from headgate.model.signature import INTEGERS, NUMBERS, TEXTS, Input, Signature
from headgate.serving.refusals import Refusal

#: Rows of one request, those that are explained at most, and characters of a key's text.
MOST_ROWS = 1_000
MOST_EXPLAINED = 20
MOST_KEY_CHARACTERS = 1_000
#: Whole numbers below are what they are as a float, too.
EXACT = 2**53
RANGES = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
SHAPE = "an object with key, inputs, features; or with instances, a list of such objects"
INTERVAL = re.compile(
    r"(?:(-?\d{1,9}) days?)?(?:(?:^| )\+?([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:\.\d{1,6})?))?"
)
Check = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a prediction is asked for."""

    #: Values of the entity key's columns; None where features came along without one.
    key: Mapping[str, Any] | None
    #: What the request brought, by input.
    values: dict[str, Any]
    #: Whether features have to be read.
    is_by_key: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request."""

    rows: Sequence[Row]
    is_batch: bool
    explain: bool


class Checker:
    """Checks requests against one signature; made once for each version."""

    def __init__(self, signature: Signature) -> None:
        self._keys = {name: _check(kind, nullable=False) for name, kind in signature.keys}
        self._read = {name: READ[kind] for name, kind in signature.keys if kind in READ}
        self._requested = _checks(signature.requested)
        self._fetched = _checks(signature.fetched)

    def request(self, body: bytes) -> Asked:
        """The request that a body holds.

        Raises:
            Refusal: 400 where it is no JSON, 422 where it does not fit the signature.
        """
        parsed = _parsed(body)
        explain = parsed.pop("explain", False)
        if not isinstance(explain, bool):
            raise _wrong("explain", "true or false", _found(explain))
        is_batch = "instances" in parsed
        if is_batch and len(parsed) > 1:
            raise _wrong("request", SHAPE, f"also {_names(parsed.keys() - {'instances'})}")
        instances = parsed["instances"] if is_batch else [parsed]
        if not isinstance(instances, list) or not 0 < len(instances) <= MOST_ROWS:
            raise _wrong("instances", f"a list of 1 to {MOST_ROWS} objects", _found(instances))
        return Asked(
            [
                self._row(given, f"instance {place}, " if is_batch else "")
                for place, given in enumerate(instances)
            ],
            is_batch,
            explain,
        )

    def key(self, body: bytes) -> dict[str, Any]:
        """The key of a request for features.

        Raises:
            Refusal: as `request`; or the model reads no features.
        """
        parsed = _parsed(body)
        if not self._fetched:
            raise _wrong("features", "a model that reads feature views", "one that reads none")
        if parsed.keys() != {"key"}:
            raise _wrong("request", "an object with key", _names(parsed.keys()) or "no key")
        return self._typed(_part(parsed, "key", self._keys, ""), "")

    def _row(self, given: Any, where: str) -> Row:
        if not isinstance(given, dict):
            raise _wrong(f"{where}request", SHAPE, _found(given))
        if unknown := given.keys() - {"key", "inputs", "features"}:
            raise _wrong(f"{where}request", SHAPE, f"also {_names(unknown)}")
        is_by_key = bool(self._fetched) and "features" not in given
        key = None
        if self._keys and ("key" in given or is_by_key):
            key = self._typed(_part(given, "key", self._keys, where), where)
        if not self._keys and given.get("key"):
            raise _wrong(f"{where}key", "none: the model reads no feature view", _found(given["key"]))
        values = _part(given, "inputs", self._requested, where)
        if not is_by_key:
            values |= _part(given, "features", self._fetched, where)
        return Row(key, values, is_by_key)

    def _typed(self, key: dict[str, Any], where: str) -> dict[str, Any]:
        """The key as the feature store takes it: instants and dates are texts in JSON."""
        for name, (read, form) in self._read.items():
            try:
                key[name] = read(key[name])
            except (ValueError, OverflowError):
                raise _wrong(f"{where}key, {name}", form, "another text") from None
        return key


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    # As UTC it is logged; the first and the last hours of all years are none there.
    return found.astimezone(UTC)


def _local(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError
    return found


def _uuid(text: str) -> str:
    return str(uuid.UUID(text))


def _interval(text: str) -> timedelta:
    found = INTERVAL.fullmatch(text)
    if not found or not text:
        raise ValueError
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


#: By type of a key column: how its text is read, and what it has to be.
READ: dict[str, tuple[Callable[[str], Any], str]] = {
    "date": (date.fromisoformat, "a date such as 2026-03-01"),
    "timestamp with time zone": (_instant, "an instant with its offset, such as 2026-03-01T12:30:00Z"),
    "timestamp without time zone": (_local, "a time without offset, such as 2026-03-01T12:30:00"),
    "interval": (_interval, "days and a time below a day, such as `2 days 03:04:05`"),
    "uuid": (_uuid, "a uuid"),
}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(
            400,
            "body",
            expected="JSON in UTF-8, without NaN or Infinity",
            found="something else",
            next_step="send a JSON object; null says that a value is missing",
        ) from None
    if not isinstance(parsed, dict):
        raise _wrong("request", SHAPE, _found(parsed))
    return parsed


def _part(given: Mapping[str, Any], part: str, checks: Mapping[str, Check], where: str) -> dict[str, Any]:
    values = given.get(part, {})
    if not isinstance(values, dict):
        raise _wrong(f"{where}{part}", "an object", _found(values))
    if values.keys() != checks.keys():
        missing, unknown = checks.keys() - values.keys(), values.keys() - checks.keys()
        said = [f"no {_names(missing)}"] if missing else []
        said += [f"also {_names(unknown)}"] if unknown else []
        raise _wrong(f"{where}{part}", f"the names {', '.join(checks) or 'none'}", "; ".join(said))
    for name, check in checks.items():
        value = values[name]
        expected = check(value)
        # To JSON, 3.0 is a whole number. Of a larger one the parser may have lost digits.
        if expected is not None and type(value) is float and value.is_integer() and abs(value) < EXACT:
            values[name] = int(value)
            expected = check(values[name])
        if expected is not None:
            raise _wrong(f"{where}{part}, {name}", expected, _found(value))
    return values


def _checks(inputs: Sequence[Input]) -> dict[str, Check]:
    return {given.name: _check(given.type, nullable=given.nullable) for given in inputs}


def _check(kind: str, *, nullable: bool) -> Check:
    """What says what was expected of a value; None where it is that."""
    expected = f"{kind}{' or null' if nullable else ''}"
    holds = _holds(kind)

    def check(value: Any) -> str | None:
        return None if (nullable if value is None else holds(value)) else expected

    return check


def _holds(kind: str) -> Callable[[Any], bool]:
    if kind in INTEGERS:
        limit = RANGES[kind]
        return lambda value: type(value) is int and -limit <= value < limit
    if kind in NUMBERS:
        return lambda value: type(value) is int or (type(value) is float and math.isfinite(value))
    if kind == "boolean":
        return lambda value: type(value) is bool
    if kind in TEXTS:
        return lambda value: type(value) is str and "\0" not in value
    # Key columns of other types go as text, which PostgreSQL reads.
    return lambda value: type(value) is str and len(value) <= MOST_KEY_CHARACTERS and "\0" not in value


def _found(value: Any) -> str:
    """What kind of value it is; never the value."""
    if isinstance(value, float) and not math.isfinite(value):
        return "a number too large"
    kinds = {dict: "an object", str: "a string", bool: "a boolean", float: "a fraction", type(None): "null"}
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str) and "\0" in value:
        return "a string with U+0000"
    if type(value) is int:
        return "a whole number" if -(2**63) <= value < 2**63 else "a whole number out of range"
    return kinds.get(type(value), "something else")


def _names(names: Any) -> str:
    shown = sorted(name[:80] for name in names)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _wrong(subject: str, expected: str, found: str) -> Refusal:
    return Refusal(
        422,
        subject,
        expected=expected,
        found=found,
        next_step="GET /model tells the signature, /openapi.json the schema",
    )
