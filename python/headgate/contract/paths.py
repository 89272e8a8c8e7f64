"""Paths into JSON, as contracts write them: `payload.commits[].author.email`, `payload.shas[][1]`."""

from __future__ import annotations

import re
from typing import Final

#: A step into an array that stands for all of its elements.
EACH: Final = None
#: A key (str), a position in an array from 0 (int), or EACH.
Step = str | int | None

_PATH = re.compile(r"[^.\[\]\s]+(?:\[\d*\])*(?:\.[^.\[\]\s]+(?:\[\d*\])*)*")
_STEP = re.compile(r"\[(\d*)\]|([^.\[\]]+)")


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        ValueError: it is not one.
    """
    if not _PATH.fullmatch(text):
        raise ValueError(text)
    return tuple(_step(*found) for found in _STEP.findall(text))


def _step(position: str, key: str) -> Step:
    if key:
        return key
    return int(position) if position else EACH
