"""The records in an answer, each as JSON text with every number as it came."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Sequence
from typing import Any

import orjson

from headgate.errors import HeadgateError
from headgate.landing import lossless_json
from headgate.landing.memory import LARGE, heed_memory, require_room
from headgate.pulling.record_list import find_list
from headgate.sources.keys import Path_

#: Marks at the start of a text, the longer of two that begin alike first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOTHING = object()


class Answer:
    """A JSON answer, parsed once. Its list of records is at `path`.

    An answer that is not JSON because of one record is cut into records all the same: landing then rejects
    that one, as it does a line of a file.
    """

    def __init__(self, body: bytes, subject: str, path: Path_ = (), charset: str | None = None) -> None:
        self._subject = subject
        self._path = path
        self._exact = False
        #: Texts of the records, where they could not be parsed with the rest.
        self._cut: list[bytes] | None = None
        text = self._decoded(body, charset)
        if len(text) > LARGE:
            require_room(text)
        try:
            self.value: Any = orjson.loads(text)
            self._exact = _may_round(self.value)
        except orjson.JSONDecodeError as error:
            heed_memory(error)
            self.value = self._read_around(text)
        else:
            if self._exact:
                self.value = self._read_exactly(text)

    @property
    def has_list(self) -> bool | None:
        """True: records come in a list; None: null stands there, or on the way; False: nothing does.

        Raises:
            HeadgateError: something else stands there.
        """
        found = value_at(self.value, self._path, _NOTHING)
        if isinstance(found, list):
            return True
        if found is _NOTHING or found is None:
            self._refuse_error()
            return None if found is None else False
        raise self.no_list(kind_of(found))

    def records(self) -> list[tuple[bytes, Any]]:
        """Each record's text, and the record; None for one that is not JSON."""
        if self._cut is not None:
            return [_separate(text) for text in self._cut]
        found = value_at(self.value, self._path)
        return [(self._text(record), record) for record in found] if isinstance(found, list) else []

    def text_at(self, path: Path_) -> str | None:
        """A text or number at a path as text; None where there is none."""
        return as_text(value_at(self.value, path))

    def no_list(self, found: str) -> HeadgateError:
        """The error of an answer without records."""
        return HeadgateError(
            self._subject,
            expected=f"a list of records at {_shown(self._path)} of the answer",
            found=found,
            next_step="correct `records` of the loader, or see what the server answers",
        )

    def _refuse_error(self) -> None:
        """Refuses an answer that tells of an error with a status of success: that is no empty page."""
        told = self.value if isinstance(self.value, dict) else {}
        for key in ("error", "errors"):
            if plain(told.get(key)):
                raise self.no_list(f"an answer with `{key}`")

    def _text(self, record: Any) -> bytes:
        return lossless_json.dumps(record) if self._exact else _written(record)

    def _decoded(self, body: bytes, charset: str | None) -> bytes:
        """The answer in UTF-8, without a byte order mark."""
        for mark, encoding in _MARKS:
            if body.startswith(mark):
                return self._recoded(body[len(mark) :], encoding)
        return self._recoded(body, charset)

    def _recoded(self, body: bytes, encoding: str | None) -> bytes:
        try:
            name = codecs.lookup(encoding or "utf-8").name
        except LookupError:
            # JSON is UTF-8, whatever a header calls it.
            name = "utf-8"
        if name in ("utf-8", "ascii"):
            return body
        try:
            return body.decode(name).encode()
        except (UnicodeError, LookupError):
            raise self._not_json(f"bytes that are not {name}", "see what the server answers") from None

    def _read_exactly(self, text: bytes) -> Any:
        found, rest, _ = lossless_json.loads_many(text.decode(errors="replace"))
        if len(found) != 1 or rest:
            raise self._not_json(_kind_of(text), "see what the server answers, and correct the URL")
        return found[0][0]

    def _read_around(self, text: bytes) -> Any:
        """The answer with an empty list instead of the records, which are cut out."""
        self._exact = True
        found = find_list(text, self._path)
        if found is None:
            return self._read_exactly(text)
        self._cut = found.records
        rest = text[: found.start] + b"[]" + text[found.end :]
        with contextlib.suppress(orjson.JSONDecodeError):
            value = orjson.loads(rest)
            if not _may_round(value):
                return value
        return self._read_exactly(rest)

    def _not_json(self, found: str, next_step: str) -> HeadgateError:
        return HeadgateError(self._subject, expected="an answer in JSON", found=found, next_step=next_step)


def value_at(value: Any, path: Sequence[Any], default: Any = None) -> Any:
    """What a path leads to; null where null stands on the way; `default` where it leads nowhere."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step, default)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None if value is None else default
    return value


def kind_of(value: Any) -> str:
    """What a value is called in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "text" if isinstance(value, str) else "a number"


def plain(value: Any) -> Any:
    """A value; a number that is kept as its text, which is a text to Python, as a number."""
    return float(value) if isinstance(value, lossless_json.Number) else value


def as_text(value: Any) -> str | None:
    """A text or a number as text; None for anything else, and for an empty text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def _separate(text: bytes) -> tuple[bytes, Any]:
    """A record that was cut out; if it is JSON, in the form that it has when the whole page is JSON."""
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(text)
        if not _may_round(value):
            return _written(value), value
    # Half a character has no UTF-8, in the one direction or the other: landing says so.
    with contextlib.suppress(UnicodeError):
        found, rest, _ = lossless_json.loads_many(text.decode())
        if len(found) == 1 and not rest:
            return lossless_json.dumps(found[0][0]), found[0][0]
    return text, None


def _written(value: Any) -> bytes:
    """The JSON text of what orjson read; it reads deeper nesting than it writes."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return lossless_json.dumps(value)


def _may_round(value: Any) -> bool:
    """Whether orjson may write a number in other digits than it read."""
    inner = [value]
    while inner:
        found = inner.pop()
        if type(found) is float:
            return True
        if type(found) is dict:
            inner.extend(found.values())
        elif type(found) is list:
            inner.extend(found)
    return False


def _kind_of(text: bytes) -> str:
    start = text.lstrip()[:1]
    if start == b"<":
        return "an HTML or XML page"
    if not start:
        return "nothing"
    return "JSON that is broken or ends early" if start in b"[{" else "something else"


def _shown(path: Path_) -> str:
    return ".".join(str(step) for step in path) or "the top"
