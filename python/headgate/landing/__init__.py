"""Lands raw JSON in PostgreSQL: complete, once, without personal data."""

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
