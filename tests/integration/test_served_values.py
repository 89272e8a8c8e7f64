"""Values of answers against those of the store, in a column of any type."""

from __future__ import annotations

import pytest

from tests.macros import render
from tests.support import Database

COMPARE = "{{ is_other_than_held('served', 'held', type) }}"
#: Type of the store's column -> its value; what an answer tells, and whether that is another value.
VALUES = [
    ("boolean", "true", "true", False),
    ("boolean", "false", "true", True),
    ("boolean", "true", "1", True),
    ("bigint", "7", "7", False),
    ("bigint", "7", "7.0", False),
    ("bigint", "7", "8", True),
    ("bigint", "7", "null", True),
    ("bigint", "null", "null", False),
    ("integer", "null", "0", True),
    ("numeric", "0.1", "0.1", False),
    ("numeric(12,2)", "10.50", "10.5", False),
    ("double precision", "0.1", "0.1", False),
    ("double precision", "'NaN'", "null", False),
    ("real", "1.5", "1.25", True),
    ("text", "'red'", '"red"', False),
    ("text", "'red'", '"blue"', True),
    ("text", "'7'", "7", True),
    # What privacy replaced cannot be compared.
    ("bigint", "7", '"3f0c"', False),
]


@pytest.mark.parametrize(("type_", "held", "served", "is_other"), VALUES)
def test_a_served_value_is_compared_by_the_columns_type(
    database: Database, type_: str, held: str, served: str, is_other: bool
) -> None:
    """No type of a column, nor a value of another kind, ends in an error."""
    compared = render(COMPARE, "monitoring/predictions", type=type_)
    found = database.value(
        f"select coalesce({compared}, false)"
        f" from (select {held}::{type_} as held, '{served}'::jsonb as served) as one"
    )
    assert found is is_other
