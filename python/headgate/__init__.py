"""Headgate turns raw JSON into machine-learning features that can be trusted."""

__version__ = "0.1.0"
