"""How records stand in JSON text, as its first bytes show: a line each, in an array, or values one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import orjson

from headgate.landing.json_scanner import BLANK, TOKEN, text_of

Layout = Literal["lines", "array", "values"]

#: Keys that lead to arrays deeper than this are not looked for.
DEEPEST = 3


def layout_of(head: bytes) -> Layout:
    """How records stand in a text that begins so."""
    text = head.lstrip(BLANK)
    line, _, more = text.partition(b"\n")
    if text[:1] == b"[":
        return "lines" if _is_whole(line) and more.lstrip()[:1] == b"{" else "array"
    if head[:1] == b"\x1e":
        return "values"
    if text[:1] != b"{" or not more or _is_whole(line):
        return "lines"
    # The last line may be cut off.
    return "values" if _goes_on_over_lines(text[: text.rfind(b"\n")], line) else "lines"


def is_one_value(head: bytes, *, whole: bool) -> bool:
    """Whether a text may be one object: an unknown number of lines, or one that has no end yet."""
    text = head.strip(BLANK)
    return text[:1] == b"{" and (not _is_whole(text.partition(b"\n")[0]) or (whole and _is_whole(text)))


def begins_as_json(head: bytes) -> bool:
    """Whether a text begins with a JSON object or array, whole or not."""
    text = head.lstrip(BLANK)
    line = text.partition(b"\n")[0]
    return text[:1] in (b"{", b"[") and (_is_whole(line) or _goes_on_over_lines(text, line))


@dataclass
class Outline:
    """What stands on top of the first object of a text, as far as it can be seen."""

    keys: set[str] = field(default_factory=set)
    #: Keys that lead to an array of objects -> the keys of its first object.
    arrays: dict[tuple[str, ...], set[str]] = field(default_factory=dict)


def outline_of(head: bytes) -> Outline:
    """The keys of an object that may be cut off, and the arrays of objects in it."""
    found = Outline()
    for way, key in _keys(head):
        if not way:
            found.keys.add(key)
        elif way[-1] is None and None not in way[:-1]:
            found.arrays.setdefault(tuple(str(step) for step in way[:-1]), set()).add(key)
    return found


def _keys(head: bytes) -> Iterator[tuple[tuple[str | None, ...], str]]:
    """Each key of the first object with the way to it; None: a step into an array, its first object only."""
    # (is it an object, the key or the number of the element that comes next)
    stack: list[list[object]] = []
    for token in TOKEN.findall(head):
        if token in b"{[":
            stack.append([token == b"{", None if token == b"{" else 0, True])
        elif token in b"}]":
            if len(stack) < 2:
                return
            stack.pop()
        # A quote alone: the text is cut off in a string.
        elif not stack or token == b'"':
            return
        elif token == b",":
            stack[-1][2] = True
            if not stack[-1][0]:
                stack[-1][1] = int(str(stack[-1][1])) + 1
        elif stack[-1][0] and stack[-1][2]:
            stack[-1][1], stack[-1][2] = text_of(token), False
            outer = stack[:-1]
            if len(outer) <= DEEPEST + 1 and not any(not item[0] and item[1] for item in outer):
                yield tuple(str(item[1]) if item[0] else None for item in outer), str(stack[-1][1])


def _goes_on_over_lines(text: bytes, first_line: bytes) -> bool:
    """Whether a text is the beginning of JSON whose first value needs more than a line."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        said = str(error)
        return "end of data" in said or (
            "after document" in said and error.pos > len(first_line.decode(errors="replace"))
        )
    return True


def _is_whole(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # Several values on one line are lines too.
        return "after document" in str(error)
    return True
