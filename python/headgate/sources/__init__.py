"""Where raw JSON comes from: one module per source."""

from __future__ import annotations

from headgate.errors import UsageError
from headgate.sources.base import Delivery, Partition, Source
from headgate.sources.gharchive import GHARCHIVE

SOURCES: dict[str, Source] = {GHARCHIVE.name: GHARCHIVE}

__all__ = ["SOURCES", "Delivery", "Partition", "Source", "get_source"]


def get_source(name: str) -> Source:
    """The source called `name`.

    Raises:
        UsageError: there is none.
    """
    if name in SOURCES:
        return SOURCES[name]
    raise UsageError(
        f"source {name}",
        expected=f"one of {', '.join(SOURCES)}",
        found="another name",
        next_step="name one of these",
    )
