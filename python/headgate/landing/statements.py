"""The SQL of landing, one statement per file in sql/."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The statement in sql/<name>.sql."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_text()
