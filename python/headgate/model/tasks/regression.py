"""A quantity: a score is what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.model import svg
from headgate.model.evaluation.figures import Means, Measured
from headgate.model.tasks.base import Figures, Labels, Vector, numbers, unfit

if TYPE_CHECKING:
    import pyarrow as pa

    from headgate.model.evaluation.evidence import Evidence

PARTS = 10


class Errors(Measured):
    """mae, rmse, and r2: the share of the labels' variance that is explained."""

    def __init__(self, labels: Vector, scores: Vector) -> None:
        self.rows = len(scores)
        error = scores - labels
        # Centred: squares of large numbers that lie close together would lose their difference.
        centred = labels - labels.mean() if len(labels) else labels
        self._means = Means(
            {"mae": np.abs(error), "squared": error**2, "label": centred, "label_squared": centred**2}
        )

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """The figures by drawing; r2 is NaN where all labels are one."""
        found = self._means.drawn(weights)
        variance = found["label_squared"] - found["label"] ** 2
        explained = 1 - found["squared"] / np.where(variance > 0, variance, np.nan)
        return {"mae": found["mae"], "rmse": np.sqrt(found["squared"]), "r2": explained}


class Regression:
    """Numbers."""

    name = "regression"
    titles: Mapping[str, str] = {"mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R2"}
    ranking, chance, has_chance = "r2", 0.0, False
    loss = "rmse"
    scale_loss: str | None = None
    gap_gate = "slice_skill_gap"
    simple = "linear regression"

    def labels(self, column: pa.ChunkedArray, where: str) -> Labels:
        """Finite numbers, not all the same."""
        values = numbers(column, where)
        if len(np.unique(values)) < 2:
            found = "one value only" if len(values) else "no label at all"
            raise unfit(where, "numbers that differ", found)
        return Labels(values)

    def measured(self, labels: Vector, scores: Vector) -> Measured:
        """mae, rmse and r2."""
        return Errors(labels, scores)

    def residuals(self, labels: Vector, scores: Vector) -> Vector:
        """Score less label, in standard deviations of the labels."""
        return ((scores - labels) / self.unit(labels))[:, None]

    def gap(self, inner: Figures, every: Figures) -> Any:
        """By how much more of all rows' variance is left unexplained in some of them."""
        left = 1 - every["r2"]
        return left * (inner["rmse"] ** 2 / every["rmse"] ** 2 - 1)

    def smallest_class(self, labels: Vector) -> float:
        """There are no classes."""
        return float("inf")

    def calibrated(self, labels: Vector, scores: Vector) -> tuple[Vector, Vector] | None:
        """Scores are no chances."""
        return None

    def unit(self, labels: Vector) -> float:
        """A standard deviation of the labels."""
        return float(labels.std()) or 1.0

    def alone(self, values: Vector, labels: Vector) -> float:
        """Spearman's rank correlation, whichever way it points."""
        from scipy.stats import spearmanr  # type: ignore[import-untyped, unused-ignore]

        return abs(float(spearmanr(values, labels).statistic))

    def outcomes(self, labels: Vector) -> list[Vector]:
        """The labels."""
        return [labels]

    def constant(self, labels: Vector, classes: Sequence[str]) -> Vector:
        """The mean."""
        return np.asarray(labels.mean())

    def objective(self, classes: Sequence[str]) -> dict[str, Any]:
        """Squared error."""
        return {"objective": "regression"}

    def estimator(self) -> Any:
        """A linear regression, held back a little, so that inputs that say the same do no harm."""
        from sklearn.linear_model import Ridge

        return Ridge(alpha=1.0, solver="cholesky")

    def asked(self, estimator: Any, matrix: Vector) -> Vector:
        """What it expects."""
        return np.asarray(estimator.predict(matrix))

    def summary(self, labels: Vector, classes: Sequence[str]) -> dict[str, Any]:
        """Mean and standard deviation."""
        return {"label_mean": float(labels.mean()), "label_deviation": float(labels.std())}

    def reference(self, scores: Vector) -> Vector:
        """The scores as they are."""
        return scores

    def plots(self, evidence: Evidence) -> list[str]:
        """Mean labels over mean scores, by tenths of the rows; both from 0 to 1 of their range."""
        scores, labels = evidence.scores["model"], evidence.labels
        parts = np.array_split(np.argsort(scores, kind="stable"), min(PARTS, len(scores)))
        means = np.array([[scores[part].mean(), labels[part].mean()] for part in parts])
        low, high = means.min(), means.max()
        scaled = ((means - low) / ((high - low) or 1)).tolist()
        return [svg.points(f"{low:.4g} to {high:.4g}", "mean score", "mean label", scaled)]
