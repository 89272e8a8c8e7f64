"""What the gates look at: the tested rows, the scores of all that is compared, their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from headgate.model.evaluation.bootstrap import Drawings, Interval, interval
from headgate.model.evaluation.figures import Ranked, calibration_error

Vector: TypeAlias = "np.ndarray[Any, Any]"
#: What is put forward, and what it is held against.
MODEL, SIMPLE, BASE, CHAMPION = "model", "simple", "base_rate", "champion"


@dataclass
class Evidence:
    """Labels and scores of the tested rows, drawn alike for all scores."""

    labels: Vector
    scores: Mapping[str, Vector]
    drawings: Drawings
    _drawn: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def figures(self, name: str) -> dict[str, Interval]:
        """auc, average_precision and brier of one of the scores."""
        every = Ranked(self.labels, self.scores[name]).of()
        rows = len(self.labels)
        return {
            figure: interval(value, [found[figure] for found in self._of(name)], rows)
            for figure, value in every.items()
        }

    def difference(self, figure: str, first: str, second: str) -> Interval:
        """By how much a figure of the first is greater, paired on the same rows."""
        values = [Ranked(self.labels, self.scores[name]).of()[figure] for name in (first, second)]
        drawn = [
            one[figure] - other[figure] for one, other in zip(self._of(first), self._of(second), strict=True)
        ]
        return interval(values[0] - values[1], drawn, len(self.labels))

    def calibration(self, name: str) -> Interval:
        """The calibration error of one of the scores."""
        scores = self.scores[name]
        found: Interval = self.drawings.intervals(
            lambda weights: {"ece": calibration_error(self.labels, scores, weights)}
        )["ece"]
        return found

    def _of(self, name: str) -> list[dict[str, float]]:
        if name not in self._drawn:
            ranked = Ranked(self.labels, self.scores[name])
            self._drawn[name] = [ranked.of(weights) for weights in self.drawings.weights()]
        return self._drawn[name]
