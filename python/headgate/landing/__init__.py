"""Lands raw JSON in PostgreSQL: complete, once, without personal data."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.landing.messages import Appended, Appender, Message, close_open_loads, open_appender
    from headgate.landing.pool import land_files
    from headgate.landing.replay import Replayed, replay_quarantined
    from headgate.landing.results import LoadResult, Progress

__all__ = [
    "Appended",
    "Appender",
    "LoadResult",
    "Message",
    "Progress",
    "Replayed",
    "close_open_loads",
    "land_files",
    "open_appender",
    "replay_quarantined",
]

#: Where each name stands. Imported when first used: a landing process needs few of them, and starts often.
MODULES = {
    "headgate.landing.messages": ("Appended", "Appender", "Message", "close_open_loads", "open_appender"),
    "headgate.landing.pool": ("land_files",),
    "headgate.landing.replay": ("Replayed", "replay_quarantined"),
    "headgate.landing.results": ("LoadResult", "Progress"),
}


def __getattr__(name: str) -> Any:
    """Looks up what the package exports."""
    for module, names in MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
