"""JSON without loss, for the few lines that orjson cannot take or would round.

Numbers keep their text, nesting may be as deep as PostgreSQL takes it. Slow; used for single lines only.
"""

from __future__ import annotations

import decimal
import json
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

#: Deeper than PostgreSQL takes with its default max_stack_depth.
DEPTH = 50_000
STACK = 256 << 20
#: PostgreSQL's numeric: digits before and after the decimal point.
DIGITS_BEFORE, DIGITS_AFTER = 131_072, 16_383

T = TypeVar("T")


class OutOfRangeError(ValueError):
    """A number that PostgreSQL's numeric cannot hold."""


class Number(str):
    """A number as its text."""

    __slots__ = ()


def loads_many(text: str) -> tuple[list[tuple[Any, str]], str, Exception | None]:
    """The JSON values that `text` holds one after the other, each with its own text.

    Also the text that is left over, and why it is not JSON.
    """
    return _with_deep_stack(lambda: _loads_many(text))


def loads(text: str) -> Any:
    """The one JSON value that `text` is.

    Raises:
        ValueError: it is none; OutOfRangeError where a number is the reason.
        RecursionError: it is nested too deep.
    """
    found, rest, error = loads_many(text)
    if error is not None:
        raise error
    if rest or len(found) != 1:
        raise ValueError("not one JSON value")
    return found[0][0]


def dumps(value: Any) -> bytes:
    """The JSON text of what `loads_many` gave."""
    parts: list[str] = []
    _with_deep_stack(lambda: _write(value, parts.append))
    return "".join(parts).encode()


def _loads_many(text: str) -> tuple[list[tuple[Any, str]], str, Exception | None]:
    found: list[tuple[Any, str]] = []
    start = _skip_space(text, 0)
    while start < len(text):
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            return found, text[start:], error
        found.append((value, text[start:end]))
        start = _skip_space(text, end)
    return found, "", None


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start


def _write(value: Any, put: Callable[[str], object]) -> None:
    if isinstance(value, dict):
        put("{")
        for number, (key, item) in enumerate(value.items()):
            put(("," if number else "") + json.dumps(key, ensure_ascii=False) + ":")
            _write(item, put)
        put("}")
    elif isinstance(value, list):
        put("[")
        for number, item in enumerate(value):
            put("," if number else "")
            _write(item, put)
        put("]")
    else:
        put(str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False))


def _number(text: str) -> Number:
    if len(text) > 300 or "e" in text or "E" in text:
        try:
            number = decimal.Decimal(text)
        except decimal.DecimalException:
            raise OutOfRangeError from None
        exponent = number.as_tuple().exponent
        if number.adjusted() >= DIGITS_BEFORE or not isinstance(exponent, int) or -exponent > DIGITS_AFTER:
            raise OutOfRangeError
    return Number(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_no_constant)


def _with_deep_stack(work: Callable[[], T]) -> T:
    """Runs `work` in a thread whose stack holds deep recursion."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed to the caller below
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(DEPTH)
    try:
        thread = threading.Thread(target=run)
        try:
            thread.start()
        except RuntimeError as error:
            # No room for its stack.
            raise MemoryError from error
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
