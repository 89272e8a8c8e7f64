"""Whatever the user's own code answers, with a quality from 0 to 1 by row from a function of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headgate.model.evaluation.figures import Means, Measured
from headgate.model.tasks.base import Figures, Labels, Vector

if TYPE_CHECKING:
    import pyarrow as pa

    from headgate.model.evaluation.evidence import Evidence

QUALITY = "quality"


class Custom:
    """Answers that are no labels; what stands for scores are the figures of each row.

    Args:
        titles: what the figures are called, by name, in the order of the scores' columns.
    """

    name = "custom"
    ranking = QUALITY
    scale_loss: str | None = None
    gap_gate = "slice_skill_gap"

    def __init__(self, titles: Mapping[str, str] | None = None) -> None:
        self.titles = titles or {QUALITY: QUALITY}

    def labels(self, column: pa.ChunkedArray, where: str) -> Labels:
        """The expected answers, whatever they are."""
        import numpy as np

        values = np.empty(len(column), dtype=object)
        values[:] = column.to_pylist()
        return Labels(values)

    def measured(self, labels: Vector, scores: Vector) -> Measured:
        """Means of the figures."""
        return Means(dict(zip(self.titles, scores.T, strict=True)))

    def residuals(self, labels: Vector, scores: Vector) -> Vector | None:
        """An answer has no error with a sign."""
        return None

    def gap(self, inner: Figures, every: Figures) -> Any:
        """Quality of all less quality of some."""
        return every[QUALITY] - inner[QUALITY]

    def smallest_class(self, labels: Vector) -> float:
        """There are no classes."""
        return float("inf")

    def calibrated(self, labels: Vector, scores: Vector) -> tuple[Vector, Vector] | None:
        """Answers are no chances."""
        return None

    def summary(self, labels: Vector, classes: Sequence[str]) -> dict[str, Any]:
        """Nothing is known of the labels."""
        return {}

    def plots(self, evidence: Evidence) -> list[str]:
        """None of its own."""
        return []
