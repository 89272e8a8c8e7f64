"""When the leakage gate takes what was joined for what was recounted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from headgate.dataset.leakage import _same


@pytest.mark.parametrize(
    ("found", "expected", "is_same"),
    [
        (0.1 + 0.2, 0.3, True),
        (0.1, 0.2, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 1.0, False),
        (Decimal("NaN"), Decimal("NaN"), True),
        (Decimal("Infinity"), Decimal("-Infinity"), False),
        (Decimal("3.3333333333333333"), Decimal("3.33333333333333333333"), True),
        (Decimal("1.50"), Decimal("1.5"), True),
        (Decimal("12345678901.23"), Decimal("12345678901.24"), False),
        (None, Decimal("0"), False),
    ],
)
def test_values_are_the_same(found: Any, expected: Any, is_same: bool) -> None:
    """Sums exactly; floats, and quotients of numerics, but for the last digits that a scale decides on."""
    assert _same(found, expected) is is_same
