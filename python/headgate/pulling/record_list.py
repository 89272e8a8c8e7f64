"""Cuts the list of records out of an answer that is not JSON as a whole: a bad record costs itself only.

Only brackets, commas, colons and strings are looked at; what stands between is for whoever reads a record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: A whole string, or a character that parts values. A quote alone begins a string that never ends.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},:"]', re.DOTALL)
_PARTNERS = {b"]": b"[", b"}": b"{"}


@dataclass(frozen=True)
class RecordList:
    """Where a list stands in a text: `text[start:end]` is the list with its brackets."""

    start: int
    end: int
    records: list[bytes]


@dataclass
class _Open:
    """An array or object that has not ended."""

    bracket: bytes
    #: The key or the position of the value that comes next or is being read.
    place: Any
    start: int
    #: Where each element begins, for the list that is looked for.
    cuts: list[int] = field(default_factory=list)


def find_list(text: bytes, path: Sequence[Any]) -> RecordList | None:
    """The list at a path; None where brackets do not match, or the path leads to no list."""
    opened: list[_Open] = []
    found: RecordList | None = None
    wanted = list(path)
    key = b""
    for token in _TOKEN.finditer(text):
        mark, at = token[0], token.start()
        if mark in (b"[", b"{"):
            is_list = mark == b"[" and len(opened) == len(wanted) and _places(opened) == wanted
            opened.append(_Open(mark, 0 if mark == b"[" else None, at, [at] if is_list else []))
        elif mark in _PARTNERS:
            if not opened or opened[-1].bracket != _PARTNERS[mark]:
                return None
            closed = opened.pop()
            if closed.cuts:
                found = _cut(text, closed, at)
        elif mark == b'"' or not opened:
            return None
        elif mark == b",":
            _next_element(opened[-1], at)
        elif mark == b":":
            opened[-1].place = _name(key)
        else:
            key = mark
    return None if opened else found


def _places(opened: list[_Open]) -> list[Any]:
    return [level.place for level in opened]


def _next_element(level: _Open, at: int) -> None:
    if level.cuts:
        level.cuts.append(at)
    if level.bracket == b"[":
        level.place += 1


def _cut(text: bytes, level: _Open, end: int) -> RecordList:
    ends = [*level.cuts[1:], end]
    records = [text[start + 1 : stop].strip() for start, stop in zip(level.cuts, ends, strict=True)]
    return RecordList(level.start, end + 1, [] if records == [b""] else records)


def _name(key: bytes) -> Any:
    try:
        return json.loads(key)
    except ValueError:
        return None
