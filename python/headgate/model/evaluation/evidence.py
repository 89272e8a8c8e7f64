"""What the gates look at: the tested rows, the scores of all that is compared, their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from headgate.model.evaluation.bootstrap import Drawings, Interval, interval
from headgate.model.tasks.base import Task

Vector: TypeAlias = "np.ndarray[Any, Any]"
#: What is put forward, and what it is held against.
MODEL, SIMPLE, BASE, CHAMPION = "model", "simple", "base_rate", "champion"


@dataclass
class Evidence:
    """Labels and scores of the tested rows, drawn alike for all scores."""

    task: Task
    labels: Vector
    scores: Mapping[str, Vector]
    drawings: Drawings
    _found: dict[str, tuple[dict[str, float], dict[str, Vector]]] = field(default_factory=dict)

    def figures(self, name: str) -> dict[str, Interval]:
        """The task's figures of one of the scores."""
        values, drawn = self.both(name)
        return {figure: interval(values[figure], drawn[figure], len(self.labels)) for figure in values}

    def difference(self, figure: str, first: str, second: str) -> Interval:
        """By how much a figure of the first is greater, paired on the same rows."""
        (value, drawn), (other, others) = self.both(first), self.both(second)
        return interval(value[figure] - other[figure], drawn[figure] - others[figure], len(self.labels))

    def both(self, name: str) -> tuple[dict[str, float], dict[str, Vector]]:
        """The figures of one of the scores: of all rows, and by drawing."""
        if name not in self._found:
            measured = self.task.measured(self.labels, self.scores[name])
            self._found[name] = (measured.of(), self.drawings.figures(measured))
        return self._found[name]
