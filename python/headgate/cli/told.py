"""Figures, gates and other parts of a model's version, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Parts of a list that are told, the largest first where they are numbers.
NAMED = 5


def figure_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """A line for each figure: value and interval, part by part where it has parts; none for what is empty."""
    for name, found in figures.items():
        if isinstance(found, list):
            yield from (f"{name} {told(part)}" for part in found)
        elif isinstance(found, Mapping) and any(isinstance(part, Mapping) for part in found.values()):
            yield from (f"{name} {part} {told(value)}" for part, value in found.items())
        elif found is not None and found != {}:
            yield f"{name} {told(found)}"


def told(value: Any) -> str:
    """One value in words: an interval as `0.872 [0.843, 0.896]`."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return _mapping(value)
    return ", ".join(map(told, value)) if isinstance(value, list) else str(value)


def _mapping(found: Mapping[str, Any]) -> str:
    if "verdict" in found and "reason" in found:
        return f"{found['verdict']}: {found['reason']}"
    if {"value", "low", "high"} <= found.keys() and "slice" not in found:
        numbers = [found[name] for name in ("value", "low", "high")]
        return "-" if None in numbers else "{:.3f} [{:.3f}, {:.3f}]".format(*numbers)
    parts = {name: value for name, value in found.items() if value is not None}
    if all(isinstance(value, float) for value in parts.values()):
        largest = sorted(parts, key=lambda name: -abs(parts[name]))
        parts = {name: parts[name] for name in largest[:NAMED]}
    more = len(found) - len(parts) if len(parts) == NAMED else 0
    words = ", ".join(f"{name} {told(value)}" for name, value in parts.items())
    return f"{words}, and {more} more" if more else words
