"""One type for one value, whichever way it leaves the feature store.

Online reads give PostgreSQL's values as Python has them; training sets and datasets give Arrow. Both hold the
same value: numbers of type numeric are decimals in both. What Arrow cannot hold is refused by name.
"""

from __future__ import annotations

import re
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from headgate.errors import HeadgateError, UsageError

#: PostgreSQL's types that Arrow holds exactly, as the driver hands them over.
EXACT = {
    *("boolean", "smallint", "integer", "bigint", "real", "double precision"),
    *("text", "character varying", "character", "bytea", "uuid", "json", "jsonb"),
    *("date", "time without time zone", "timestamp without time zone", "timestamp with time zone"),
}
#: The kind of every enumeration; read as text.
ENUM = "enum"
NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
#: Precision and scale of `numeric` without a modifier: 20 digits before the point, 18 behind it.
UNBOUNDED = (38, 18)
#: As many digits as a decimal of Arrow holds.
MOST_DIGITS = 76
#: The first and the last day that Python has.
FIRST, LAST = date.min, date.max
EPOCH = date(1970, 1, 1).toordinal()
#: Arrow's units of time in a second.
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def bare(kind: str) -> str:
    """A type's name without its modifiers: `numeric` of `numeric(10,2)`."""
    return re.sub(r"\(.*?\)", "", kind)


def require_exact(subject: str, kind: str) -> None:
    """Refuses a type that Arrow has no exact counterpart of.

    Args:
        subject: the column, for the message.
        kind: PostgreSQL's name of the type, with its modifiers; `enum` for enumerations.

    Raises:
        UsageError: it has none.
    """
    plain = bare(kind)
    if plain in {*EXACT, ENUM} or plain.removesuffix("[]") in EXACT or decimal_type(kind):
        return
    raise UsageError(
        subject,
        expected="a type that Arrow holds exactly: number, text, boolean, date, time, uuid, json, array",
        found=kind,
        next_step="cast it where it is selected, for instance to text or to numeric(38,18)",
    )


def decimal_type(kind: str) -> pa.DataType | None:
    """The decimal that holds a `numeric`, for instance decimal128(10, 2); None for another type."""
    found = NUMERIC.fullmatch(kind)
    if found is None:
        return None
    precision, scale = (int(found[1]), int(found[2])) if found[1] else UNBOUNDED
    # numeric(2,-3) holds thousands, numeric(3,5) thousandths of hundredths.
    precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    if precision > MOST_DIGITS:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def converted(name: str, kind: str, array: pa.Array) -> pa.Array:
    """A column as the driver hands it over, in its Arrow type.

    Args:
        name: the column, for messages.
        kind: its PostgreSQL type with modifiers.
        array: numeric comes as text, everything else in its type already.

    Raises:
        HeadgateError: a value does not fit; counted, never shown.
    """
    decimal = decimal_type(kind)
    if decimal is not None:
        return _decimals(name, decimal, array)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        require_years(name, array)
    return array


def _decimals(name: str, decimal: pa.DataType, array: pa.Array) -> pa.Array:
    texts = array.storage if isinstance(array, pa.ExtensionArray) else array
    # Arrow's own cast wraps around where there are too many digits before the point.
    whole, behind = decimal.precision - decimal.scale, decimal.scale
    fitting = pc.match_substring_regex(texts, rf"^-?0*[0-9]{{0,{whole}}}(\.[0-9]{{0,{behind}}}0*)?$")
    _require_all(
        name,
        fitting,
        expected=f"numbers of at most {whole} digits before the point and {behind} behind it",
        next_step=f"declare its type, numeric(precision,scale) of at most {MOST_DIGITS} digits, or round it",
    )
    # And takes zeros behind the last digit for a loss.
    trimmed = pc.replace_substring_regex(texts, rf"^(-?[0-9]*\.[0-9]{{{behind}}})0+$", r"\1")
    return pc.cast(trimmed, decimal)


def require_years(name: str, array: pa.Array) -> None:
    """Refuses instants and dates that Python and most readers of Parquet do not have.

    Raises:
        HeadgateError: one lies before year 1 or after 9999, or is infinite.
    """
    counted = array.view(pa.int64() if array.type.bit_width == 64 else pa.int32())
    first, end = _span(array.type)
    if counted.type == pa.int64() and end >= 2**63:
        return  # Nanoseconds do not leave the span.
    _require_all(
        name,
        pc.and_(pc.greater_equal(counted, first), pc.less(counted, end)),
        expected=f"times of the years {FIRST.year} to {LAST.year}",
        next_step="leave these rows out, or give them null, where the column is made",
    )


def _span(kind: pa.DataType) -> tuple[int, int]:
    """The first moment of the years that are told, and the one behind the last, in the type's own unit."""
    day = 1 if kind == pa.date32() else 86_400 * UNITS["ms" if kind == pa.date64() else kind.unit]
    first, last = ((limit.toordinal() - EPOCH) * day for limit in (FIRST, LAST))
    return first, last + day


def _require_all(name: str, holds: pa.Array, *, expected: str, next_step: str) -> None:
    wrong = len(holds) - holds.null_count - (pc.sum(holds).as_py() or 0)
    if wrong:
        raise HeadgateError(
            f"column {name}",
            expected=expected,
            found=f"{wrong} in a batch of {len(holds)} rows that are not",
            next_step=next_step,
        )
