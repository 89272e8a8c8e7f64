"""What is told of a model's version."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.cli.told import figure_lines, told

AUC = {"low": 0.8427, "high": 0.8959, "rows": 3096, "value": 0.8719}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AUC, "0.872 [0.843, 0.896]"),
        ({**AUC, "value": None}, "-"),
        ({"train": 10, "test": 5}, "train 10, test 5"),
        ({f"x{n}": n / 10 for n in range(7)}, "x6 0.6, x5 0.5, x4 0.4, x3 0.3, x2 0.2, and 2 more"),
        ({"gate": "g", "verdict": "passed", "reason": "AUC 0.9", "low": 1}, "passed: AUC 0.9"),
        ({"type": "bigint", "nullable": True, "unit": None}, "type bigint, nullable yes"),
        (["a", "b"], "a, b"),
        (None, "-"),
        (0.5, "0.5"),
    ],
)
def test_values_are_told_in_words(value: Any, expected: str) -> None:
    """Intervals by value and both ends, long lists by their largest; no JSON that is cut before the value."""
    assert told(value) == expected


def test_each_figure_has_a_line() -> None:
    """Parts have lines of their own; what is empty has none."""
    figures = {
        "auc": AUC,
        "champion": None,
        "slices": [{"slice": "plan", "value": "free", "rows": 7, "figures": {"auc": AUC}}],
        "baselines": {"simple": {"auc": AUC, "brier": AUC}},
    }
    shown = "0.872 [0.843, 0.896]"
    assert list(figure_lines(figures)) == [
        f"auc {shown}",
        f"slices slice plan, value free, rows 7, figures auc {shown}",
        f"baselines simple auc {shown}, brier {shown}",
    ]
    assert list(figure_lines({"slices": [], "importance": {}})) == []
