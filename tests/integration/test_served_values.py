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
    ("bigint", "9007199254740993", "9007199254740993", False),
    ("bigint", "9007199254740993", "9007199254740992", False),
    ("bigint", "9007199254740993", "9007199254740990", True),
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


@pytest.mark.parametrize(
    ("type_", "held", "part", "is_key"),
    [
        ("bigint", "7", "7", True),
        ("bigint", "7", "8", False),
        # As long as ids of messages and posts are by now, and as long as there are any.
        ("bigint", "1234567890123456789", "1234567890123456789", True),
        ("bigint", "-9223372036854775808", "-9223372036854775808", True),
        ("bigint", "7", "9223372036854775808", False),
        ("integer", "7", "99999999999999999999", False),
        ("smallint", "7", "seven", False),
        ("text", "'7'", "7", True),
        ("date", "'2026-03-01'", "2026-03-01", True),
    ],
)
def test_the_row_of_a_key_is_found(
    database: Database, type_: str, held: str, part: str, is_key: bool
) -> None:
    """By a key of any type and length; one that is none of the column's type finds no row."""
    asked = render("{{ is_key('held', 'part', type) }}", "monitoring/predictions", type=type_)
    one = f"select ({held})::{type_} as held, '{part}'::text as part"
    found = database.value(f"select coalesce({asked}, false) from ({one}) as one")
    assert found is is_key
