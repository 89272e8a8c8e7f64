"""Lands raw JSON in PostgreSQL: complete, once, without personal data."""

from headgate.landing.pool import land_files
from headgate.landing.replay import Replayed, replay_quarantined
from headgate.landing.results import LoadResult, Progress

__all__ = ["LoadResult", "Progress", "Replayed", "land_files", "replay_quarantined"]
