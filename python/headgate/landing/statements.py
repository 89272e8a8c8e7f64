"""The SQL of landing, one statement per file in sql/."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from headgate.sources import Delivery

_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


@cache
def statement(name: str) -> str:
    """The statement in sql/<name>.sql."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_text()


def landing_table(delivery: Delivery) -> str:
    """The landing table that a delivery goes to."""
    name = f"{delivery.source}.{delivery.entity}"
    assert _NAME.fullmatch(name), "names come from the code"
    return f"staging_{name}"
