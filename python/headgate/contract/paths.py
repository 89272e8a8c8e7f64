r"""Paths into JSON, as contracts write them: `payload.commits[].author.email`, `payload.shas[][1]`.

A key that is empty, or holds a dot, a bracket, a space, a quote, a backslash, a `{` or a control character,
stands in quotes, as a JSON string: `"Order ID"`, `customer."e.mail"`, `items[]."a b"`. A path has one
spelling, which `format_path` gives; macros/contract/contract_path.sql has the same rules for dbt and SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

#: A step into an array that stands for all of its elements.
EACH: Final = None
#: A key (str), a position in an array from 0 (int), or EACH.
Step = str | int | None

_KEY = r'(?:[^\x00-\x20\x7f.\[\]"\\]+|"(?:[^"\\\x00-\x1f]|\\.)*")'
_PATH = re.compile(rf"{_KEY}(?:\[\d*\])*(?:\.{_KEY}(?:\[\d*\])*)*")
_STEP = re.compile(rf"\[(?P<position>\d*)\]|(?P<key>{_KEY})")
#: A brace is quoted because dbt takes two of them for Jinja.
_BARE = re.compile(r'[^\x00-\x20\x7f.\[\]"\\{]+')


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        ValueError: it is not one.
    """
    if not _PATH.fullmatch(text):
        raise ValueError(text)
    return tuple(_step(found) for found in _STEP.finditer(text))


def format_path(steps: Iterable[Step]) -> str:
    """Steps as a path; the empty path is the record itself."""
    written = ""
    for step in steps:
        if isinstance(step, str):
            written += f"{'.' if written else ''}{format_key(step)}"
        else:
            written += "[]" if step is EACH else f"[{step}]"
    return written


@lru_cache(maxsize=65_536)
def format_key(key: str) -> str:
    """A key as it stands in a path: bare, or in quotes where it needs them."""
    if _BARE.fullmatch(key):
        return key
    return json.dumps(key, ensure_ascii=False).replace("{", "\\u007b")


def child_path(path: str, key: str) -> str:
    """The path of the value under a key of what stands at a path."""
    return f"{path}.{format_key(key)}" if path else format_key(key)


@lru_cache(maxsize=65_536)
def parent_path(path: str) -> str:
    """The path of the object or array that holds what stands at a path; empty for the record itself."""
    return format_path(parse_path(path)[:-1])


def leading_path(text: str) -> str:
    """The path that a text begins with; empty where it begins with none."""
    found = _PATH.match(text)
    return found[0] if found else ""


def _step(found: re.Match[str]) -> Step:
    if key := found["key"]:
        return str(json.loads(key)) if key.startswith('"') else key
    return int(found["position"]) if found["position"] else EACH
