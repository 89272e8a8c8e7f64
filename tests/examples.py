"""How many examples a property test draws: all that it asks for, a fifth in a run with `--quick`."""

from __future__ import annotations

#: Set before the tests are read; see tests/selection.py.
share = 1.0


def examples(count: int) -> int:
    """For `settings(max_examples=examples(50))`."""
    return max(5, round(share * count))
