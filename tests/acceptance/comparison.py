"""Draws feature rows at random and compares them with what plain Python makes of the files."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.acceptance.recompute import Recomputed
from tests.support import Database

KEYS = {
    "repository_activity": ["repository_id"],
    "actor_activity": ["actor_id"],
    "contributor_activity": ["actor_id", "repository_id"],
}


class Compared(NamedTuple):
    """How much was compared."""

    rows: int = 0
    #: Rows at whose as_of the shortest window has let go of its last event.
    emptied: int = 0

    def __add__(self, other: object) -> Compared:
        """Sums up."""
        assert isinstance(other, Compared)
        return Compared(self.rows + other.rows, self.emptied + other.emptied)


def draw_keys(recomputed: Recomputed, view: str, seed: int, ordinary: int, hot: int) -> list[tuple[int, ...]]:
    """Some keys at random, and some of those with most events."""
    keys = {key: len(events) for (name, key), events in recomputed.of.items() if name == view}
    hottest = sorted(keys, key=lambda key: (-keys[key], key))[:hot]
    return sorted({*hottest, *random.Random(seed).sample(sorted(keys), min(ordinary, len(keys)))})


def compare(
    database: Database, recomputed: Recomputed, view: str, keys: Iterable[tuple[int, ...]]
) -> Compared:
    """Compares every row of the keys: that there are exactly the expected ones, and each value in them."""
    counted = Compared()
    for key in keys:
        condition = " and ".join(f"{column} = {value}" for column, value in zip(KEYS[view], key, strict=True))
        found = {row["as_of"]: row for row in _rows(database, view, condition)}
        assert sorted(recomputed.instants(view, key)) == sorted(found), f"{view} {key}"
        for as_of, row in found.items():
            expected = recomputed.row(view, key, as_of)
            values = {name: value for name, value in row.items() if name not in (*KEYS[view], "as_of")}
            assert expected.keys() == values.keys()
            wrong = {
                name: (value, values[name])
                for name, value in expected.items()
                if not _same(value, values[name])
            }
            assert wrong == {}, f"{view} {key} {as_of}: (recomputed, found)"
            shortest = "24h" if view == "contributor_activity" else "1h"
            counted += Compared(1, int(row[f"events_count_{shortest}"] == 0))
    return counted


def _rows(database: Database, view: str, condition: str) -> list[dict[str, Any]]:
    columns = [
        name
        for (name,) in database.query(
            "select column_name::text from information_schema.columns where table_schema = 'features'"
            " and table_name = %s",
            view,
        )
    ]
    rows = database.query(f"select {', '.join(columns)} from features.{view} where {condition}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _same(expected: object, found: object) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-9)
    return expected == found
