"""Spans of time as people write them: 90s, 15m, 3h, 7d, 2w."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITTEN = re.compile(r"(\d{1,6})([smhdw])")


def duration(text: object) -> timedelta | None:
    """The span that a text such as `3h` means; None when it means none."""
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def written(span: timedelta) -> str:
    """A span as `duration` reads it, in the largest unit that it is a multiple of."""
    seconds = round(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
