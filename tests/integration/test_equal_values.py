"""Which rows a gate of uniqueness looks at when some are new: all that may be equal to one of these."""

from __future__ import annotations

import pytest

from tests.macros import render
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)

ROWS = """
    create table held (name text, a int, b int, is_new boolean);
    insert into held values
        ('old 1', 1, 1, false), ('old 2', 2, 1, false), ('old null', null, 1, false),
        ('old nulls', null, null, false),
        ('new 1', 1, 1, true), ('new 3', 3, null, true), ('new null', null, 1, true)
"""
NULLS = ["new 3", "new null", "old null", "old nulls"]


@pytest.mark.parametrize(
    ("columns", "with_nulls", "looked_at"),
    [
        (["a"], False, ["new 1", "new 3", "old 1"]),
        (["a"], True, ["new 1", "new 3", "new null", "old 1", "old null", "old nulls"]),
        (["a", "b"], True, ["new 1", *NULLS[:2], "old 1", *NULLS[2:]]),
        (["b", "a"], True, ["new 1", *NULLS[:2], "old 1", *NULLS[2:]]),
    ],
)
def test_rows_with_the_values_of_new_ones_are_looked_at(
    database: Database, columns: list[str], with_nulls: bool, looked_at: list[str]
) -> None:
    """By one column and by several; with nulls where they count as equal."""
    database.query(ROWS)
    call = "{{ has_values_of('held', columns, 'is_new', with_nulls) }}"
    condition = render(call, "gates", columns=columns, with_nulls=with_nulls)
    found = database.query(f"select name from held where {condition} order by name")
    assert [name for (name,) in found] == looked_at
