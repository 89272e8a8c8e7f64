"""The records in an answer, each as JSON text with every number as it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson

from headgate.errors import HeadgateError
from headgate.landing import exact
from headgate.sources.loaders import Path_


class Answer:
    """A JSON answer, parsed once."""

    def __init__(self, body: bytes, subject: str) -> None:
        self._subject = subject
        self._exact = False
        try:
            self.value: Any = orjson.loads(body)
            self._exact = _may_round(self.value)
        except orjson.JSONDecodeError:
            self._exact = True
        if self._exact:
            self.value = self._read_exactly(body)

    def records(self, path: Path_) -> list[bytes]:
        """The texts of the records in the list at a path.

        Raises:
            HeadgateError: there is no list.
        """
        found = value_at(self.value, path)
        if not isinstance(found, list):
            place = ".".join(str(step) for step in path) or "the top"
            raise HeadgateError(
                self._subject,
                expected=f"a list of records at {place} of the answer",
                found="nothing" if found is None else f"a {type(found).__name__}",
                next_step="correct `records` of the loader, or see what the server answers",
            )
        return [self._text(record) for record in found]

    def text_at(self, path: Path_) -> str | None:
        """A text or number at a path as text; None where there is none."""
        return as_text(value_at(self.value, path))

    def _text(self, record: Any) -> bytes:
        if not self._exact:
            return orjson.dumps(record)
        try:
            return exact.dumps(record)
        except UnicodeEncodeError:
            # Half a character: the record becomes a reject, and is kept with it escaped.
            return json.dumps(record).encode()

    def _read_exactly(self, body: bytes) -> Any:
        try:
            found, rest, _ = exact.loads_many(body.decode())
        except UnicodeDecodeError:
            found, rest = [], "not UTF-8"
        if len(found) != 1 or rest:
            page = body.lstrip()[:1] == b"<"
            raise HeadgateError(
                self._subject,
                expected="an answer in JSON",
                found="an HTML or XML page" if page else "nothing" if not body.strip() else "something else",
                next_step="see what the server answers, and correct the URL",
            )
        return found[0][0]


def value_at(value: Any, path: Sequence[Any]) -> Any:
    """What a path leads to; None where it leads nowhere."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def as_text(value: Any) -> str | None:
    """A text or a number as text; None for anything else, and for an empty text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def _may_round(value: Any) -> bool:
    """Whether orjson may write a number in other digits than it read."""
    if type(value) is float:
        return True
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return any(_may_round(item) for item in inner)
