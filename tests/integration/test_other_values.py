"""Whether a gate that counts anew takes a value for another than the one that stands."""

from __future__ import annotations

import pytest

from tests.macros import render
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)


@pytest.mark.parametrize(
    ("operation", "expected", "found", "is_other"),
    [
        ("mean", "0.1::double precision", "0.1::double precision + 1e-15", False),
        ("mean", "0.1::double precision", "0.2::double precision", True),
        ("mean", "null::double precision", "0::double precision", True),
        ("mean", "'Infinity'::double precision", "'Infinity'::double precision", False),
        ("mean", "1::double precision", "'Infinity'::double precision", True),
        ("stddev", "1::double precision", "'NaN'::double precision", True),
        ("p90", "'NaN'::double precision", "'NaN'::double precision", False),
        # Too small for a share of them to be a float.
        ("median", "5e-324::double precision", "5e-324::double precision", False),
        ("median", "1e-300::double precision", "2e-300::double precision", False),
        ("median", "1e-280::double precision", "2e-280::double precision", True),
        ("real", "1e-30::real", "2e-30::real", True),
        ("numeric", "1e-400::numeric", "2e-400::numeric", True),
        ("sum", "0.1::numeric", "0.10::numeric", False),
        ("sum", "'NaN'::numeric", "0::numeric", True),
    ],
)
def test_values_are_compared(
    database: Database, operation: str, expected: str, found: str, is_other: bool
) -> None:
    """Floats but for their last digits, of any size, and what is no finite number by itself."""
    sql = render("{{ is_other_value(operation, 'e', 'f') }}", "gates", "features", operation=operation)
    assert database.value(f"select {sql} from (select {expected} as e, {found} as f) as one") is is_other
