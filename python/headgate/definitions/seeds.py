"""Contents of seeds, compared by the columns that are read: the order of lines and columns means nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

#: Types of PostgreSQL, as seeds declare them, whose values are numbers.
_NUMBERS = ("int", "numeric", "decimal", "double", "float", "real", "serial")


@dataclass(frozen=True)
class SeedContent:
    """The lines of a seed, each column name -> cell; cells as `cell` gives them."""

    rows: tuple[Mapping[str, str | None], ...]

    def columns(self, names: Collection[str] | None = None) -> str:
        """All that stands in some columns, as text; None for all. Equal for lines in another order."""
        lines = (
            json.dumps({name: cell for name, cell in row.items() if names is None or name in names})
            for row in ({name: row[name] for name in sorted(row)} for row in self.rows)
        )
        return "\n".join(sorted(lines))

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> SeedContent:
        """From rows of JSON values, numbers as Decimal or int."""
        return cls(tuple({name: cell(value) for name, value in row.items()} for row in rows))


def cell(value: Any, declared: str | None = None) -> str | None:
    """A value of a seed as text with its kind: what a file says and what the database holds of it are equal.

    Args:
        value: as it was read: of JSON, or of a file.
        declared: the type that the seed declares for the column; such columns are read as text.
    """
    if value is None:
        return None
    if declared and isinstance(value, str):
        value = _as_declared(value, declared.lower())
    if isinstance(value, bool):
        return f"boolean {value}"
    if isinstance(value, int | float | Decimal):
        return f"number {Decimal(str(value)).normalize():f}"
    return f"text {value.isoformat() if isinstance(value, date) else value}"


def _as_declared(value: str, declared: str) -> Any:
    """Text as a value of the type; as it is where it is no such value, which the database would refuse."""
    if declared.startswith("bool"):
        return {"true": True, "t": True, "false": False, "f": False}.get(value.lower(), value)
    if any(kind in declared for kind in _NUMBERS):
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value


def parse_rows(text: str) -> SeedContent:
    """A seed's content from a JSON array of its rows."""
    return SeedContent.of(json.loads(text, parse_float=Decimal))
