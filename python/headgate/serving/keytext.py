"""Values as text: keys as PostgreSQL writes them, for they are joined by that; answers for the log."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from headgate.model.signature import INTEGERS


def form(kind: str) -> Callable[[Any], str]:
    """What makes a key's value, as requests carry it, the text of a PostgreSQL type."""
    return _FORMS.get(kind, str)


def of_json(value: Any) -> str | None:
    """An answer that is no number as text: a text as it is, anything else as JSON; None of a number."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _double(value: Any) -> str:
    """The shortest digits that read back the same, with an exponent where PostgreSQL has one."""
    number = float(value)
    exponent = f"{number:e}".partition("e")[2]
    if number == 0 or -5 < int(exponent) < 15:
        return repr(number).removesuffix(".0") if number else f"{number:g}"
    shortest = repr(number)
    mantissa, found, power = shortest.partition("e")
    if not found:
        mantissa, power = _scientific(shortest)
    return f"{mantissa}e{int(power):+03d}"


def _scientific(plain: str) -> tuple[str, str]:
    """Mantissa and exponent of a number of 15 digits or more before its point."""
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole = digits.removesuffix(".0").partition(".")[0]
    rest = (whole[1:] + digits.removesuffix(".0").partition(".")[2]).rstrip("0")
    return f"{sign}{whole[0]}{'.' if rest else ''}{rest}", str(len(whole) - 1)


def _instant(value: datetime) -> str:
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return f"{text.rstrip('0') if '.' in text else text}+00"


def _local(value: datetime) -> str:
    text = value.isoformat(" ")
    return text.rstrip("0") if "." in text else text


def _interval(value: timedelta) -> str:
    """Days and a time, each with its sign; what is zero is left out."""
    days = f"{value.days} {'day' if value.days == 1 else 'days'}" if value.days else ""
    rest = value - timedelta(days=value.days)
    if not rest and days:
        return days
    seconds, micros = rest.seconds, f".{rest.microseconds:06}".rstrip("0") if rest.microseconds else ""
    sign = "+" if value.days < 0 else ""
    return f"{days} {sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{micros}".lstrip()


def _numeric(value: Any) -> str:
    return f"{Decimal(str(value)).normalize():f}"


def _uuid(value: Any) -> str:
    return str(uuid.UUID(str(value)))


_FORMS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(INTEGERS, str),
    "boolean": _boolean,
    "double precision": _double,
    "numeric": _numeric,
    "uuid": _uuid,
    "date": date.isoformat,
    "interval": _interval,
    "timestamp with time zone": _instant,
    "timestamp without time zone": _local,
}
