"""Lands what other systems have when they are asked: APIs, other databases, files that are declared."""

from headgate.pulling.pull import poll, pull
from headgate.pulling.results import Pulled, Say

__all__ = ["Pulled", "Say", "poll", "pull"]
