"""Values of Arrow columns as JSON, exactly; what JSON has no form for becomes text."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

#: Fractions of a second in a unit: how many digits.
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
EPOCH = date(1970, 1, 1).toordinal()
SECONDS_A_DAY = 86_400
#: The Gregorian calendar repeats after so many years, and days.
CYCLE_YEARS, CYCLE_DAYS = 400, 146_097


@dataclass(frozen=True)
class Untold:
    """A value that cannot be told, and why."""

    reason: str


class UntoldError(ValueError):
    """A value cannot be told; the message says why and quotes nothing."""


def told(column: pa.Array) -> list[Any]:
    """The values of a column; an `Untold` in the place of each that cannot be told."""
    try:
        return values(column)
    except MemoryError:
        raise
    except (pa.ArrowException, ValueError, TypeError, OverflowError, KeyError):
        return [_one(column.slice(row, 1)) for row in range(len(column))]


def _one(column: pa.Array) -> Any:
    try:
        return values(column)[0]
    except MemoryError:
        raise
    except UntoldError as error:
        return Untold(str(error))
    except UnicodeDecodeError:
        return Untold("text that is not UTF-8")
    except (pa.ArrowException, ValueError, TypeError, OverflowError, KeyError) as error:
        return Untold(f"a {column.type} that cannot be told ({type(error).__name__})")


def finer(nanoseconds: Any, microseconds: Any) -> Any:
    """A value that was read twice: of each time the finer one, unless it is another time."""
    if isinstance(microseconds, str) and isinstance(nanoseconds, str):
        return (
            nanoseconds if nanoseconds[:_TO_MICROSECONDS] == microseconds[:_TO_MICROSECONDS] else microseconds
        )
    if isinstance(microseconds, list) and isinstance(nanoseconds, list):
        return list(map(finer, nanoseconds, microseconds))
    if isinstance(microseconds, dict) and isinstance(nanoseconds, dict):
        # Times that are keys of a map may be others in nanoseconds.
        return {name: finer(nanoseconds.get(name, value), value) for name, value in microseconds.items()}
    return microseconds


#: So many characters of a time that is told to nanoseconds.
_TO_MICROSECONDS = len("2025-01-01T00:00:00.000000")


def unpacked_bytes(column: Any) -> int:
    """Bytes that the values of a column have at most, each text of a dictionary as often as it is named.

    More than 2 GB of them Arrow does not unpack: it crashes.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return unpacked_bytes(column.storage)
    if pa.types.is_dictionary(kind):
        longest = max(
            (unpacked_bytes(column.dictionary.slice(place, 1)) for place in _used(column)), default=0
        )
        return len(column) * longest
    if pa.types.is_struct(kind):
        return sum(unpacked_bytes(column.field(number)) for number in range(kind.num_fields))
    if pa.types.is_map(kind):
        return unpacked_bytes(column.keys) + unpacked_bytes(column.items)
    if any(is_kind(kind) for is_kind in _LISTS):
        return unpacked_bytes(column.flatten())
    return int(column.nbytes)


def _used(column: Any) -> list[int]:
    """Places of a dictionary that a column names."""
    return [place for place in column.indices.unique().to_pylist() if place is not None]


def values(column: pa.Array) -> list[Any]:
    """The values of a column, for orjson.

    Raises:
        UntoldError: a value cannot be told.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _extension(column)
    if pa.types.is_dictionary(kind):
        return values(column.dictionary_decode())
    for is_kind, tell in _TELLERS:
        if is_kind(kind):
            return list(tell(column))
    return list(column.to_pylist())


def _extension(column: Any) -> list[Any]:
    if column.type.extension_name == "arrow.uuid":
        return [None if value is None else str(value) for value in column.to_pylist()]
    if column.type.extension_name == "arrow.bool8":
        return list(column.to_pylist())
    return values(column.storage)


def _floats(column: pa.Array) -> Iterator[Any]:
    # Not a number and infinity have no form in JSON: the words that PostgreSQL reads.
    return (
        value if value is None or math.isfinite(value) else _WORDS[repr(float(value))]
        for value in column.to_pylist()
    )


_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _decimals(column: pa.Array) -> Iterator[Any]:
    return (None if value is None else _exactly(value) for value in column.to_pylist())


def _exactly(number: Decimal) -> Any:
    return orjson.Fragment(f"{number:f}")


def _binaries(column: pa.Array) -> Iterator[Any]:
    return (None if value is None else base64.b64encode(value).decode() for value in column.to_pylist())


def _whole(column: pa.Array) -> list[int | None]:
    """Times, days and stretches of time as the numbers that they are kept as."""
    width = pa.int32() if column.type.bit_width == 32 else pa.int64()
    return list(column.view(width).to_pylist())


def _dates(column: pa.Array) -> Iterator[Any]:
    # date64 counts milliseconds.
    unit = 1 if pa.types.is_date32(column.type) else SECONDS_A_DAY * 1000
    return (None if value is None else _day(value // unit) for value in _whole(column))


def _timestamps(column: pa.Array) -> Iterator[Any]:
    digits = DIGITS[column.type.unit]
    return (None if value is None else _instant(value, digits) for value in _whole(column))


def _times(column: pa.Array) -> Iterator[Any]:
    digits = DIGITS[column.type.unit]
    return (None if value is None else _time(value, digits) for value in _whole(column))


def _durations(column: pa.Array) -> Iterator[Any]:
    """Seconds."""
    unit = Decimal(1).scaleb(-DIGITS[column.type.unit])
    return (None if value is None else _seconds(value, unit) for value in _whole(column))


def _seconds(value: int, unit: Decimal) -> Any:
    told = f"{Decimal(value) * unit:f}"
    return orjson.Fragment(told.rstrip("0").rstrip(".") if "." in told else told)


def _instant(value: int, digits: int) -> str:
    """ISO 8601 in UTC; outside the years 1 to 9999 as PostgreSQL writes it."""
    seconds, fraction = divmod(value, 10**digits)
    days, second = divmod(seconds, SECONDS_A_DAY)
    day, before, era = _day(days).partition(" BC")
    return f"{day}T{_clock(second, fraction, digits)}Z{before}{era}"


def _time(value: int, digits: int) -> str:
    second, fraction = divmod(value, 10**digits)
    return _clock(second, fraction, digits)


def _clock(second: int, fraction: int, digits: int) -> str:
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    if not fraction:
        return clock
    fine = f"{fraction:0{digits}}".ljust(6, "0")
    return f"{clock}.{fine.removesuffix('000') if len(fine) > 6 else fine}"


def _day(days: int) -> str:
    cycles, rest = divmod(EPOCH - 1 + days, CYCLE_DAYS)
    found = date(1, 1, 1) + timedelta(days=rest)
    year = found.year + cycles * CYCLE_YEARS
    text = f"{year if year > 0 else 1 - year:04}-{found:%m-%d}"
    return text if year > 0 else f"{text} BC"


def _structs(column: pa.Array) -> Iterator[Any]:
    names = [field.name for field in column.type]
    if len(set(names)) < len(names):
        raise UntoldError("an object that has a key twice")
    fields = [values(column.field(number)) for number in range(len(names))]
    valid = column.is_valid().to_pylist()
    rows: Any = zip(*fields, strict=True) if fields else ((),) * len(valid)
    return (
        dict(zip(names, row, strict=True)) if is_there else None
        for is_there, row in zip(valid, rows, strict=True)
    )


def _lists(column: pa.Array) -> Iterator[Any]:
    return (None if item.values is None else values(item.values) for item in column)


def _maps(column: pa.Array) -> Iterator[Any]:
    return (None if item.values is None else _map(item.values) for item in column)


def _map(entries: pa.Array) -> dict[str, Any]:
    keys = [_key(key) for key in values(entries.field(0))]
    if len(set(keys)) < len(keys):
        raise UntoldError("a map that has a key twice")
    return dict(zip(keys, values(entries.field(1)), strict=True))


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, list | dict) or key is None:
        raise UntoldError("a map whose keys are no text")
    return orjson.dumps(key).decode()


def _months(column: pa.Array) -> Iterator[Any]:
    return (
        None if value is None else f"P{value.months}M{value.days}DT{_exact_seconds(value.nanoseconds)}S"
        for value in column.to_pylist()
    )


def _exact_seconds(nanoseconds: int) -> str:
    return f"{Decimal(nanoseconds).scaleb(-9):f}"


_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_BINARIES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)

Teller = Callable[[Any], Iterator[Any]]
_TELLERS: tuple[tuple[Callable[[Any], bool], Teller], ...] = (
    (pa.types.is_floating, _floats),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_date, _dates),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_struct, _structs),
    (pa.types.is_map, _maps),
    *((is_kind, _lists) for is_kind in _LISTS),
    *((is_kind, _binaries) for is_kind in _BINARIES),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _durations),
    (pa.types.is_interval, _months),
)
