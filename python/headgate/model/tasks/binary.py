"""Yes or no: a score is the chance of yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.model import svg
from headgate.model.evaluation.figures import Measured, Ranked
from headgate.model.tasks.base import Figures, Labels, Vector, numbers, unfit

if TYPE_CHECKING:
    import pyarrow as pa

    from headgate.model.evaluation.evidence import Evidence

#: Points of a curve; more cannot be seen.
POINTS = 200


class Binary:
    """Two outcomes."""

    name = "binary"
    titles: Mapping[str, str] = {
        "auc": "AUC",
        "average_precision": "average precision",
        "brier": "Brier score",
    }
    ranking, chance, has_chance = "auc", 0.5, True
    loss = "brier"
    scale_loss: str | None = "brier"
    gap_gate = "slice_auc_gap"
    simple = "logistic regression"

    def labels(self, column: pa.ChunkedArray, where: str) -> Labels:
        """0 and 1, both of them."""
        expected = "yes and no, or 1 and 0, both of them"
        values = numbers(column, where)
        known = set(np.unique(values).tolist())
        if known != {0.0, 1.0}:
            found = ", ".join(f"{value:g}" for value in sorted(known)[:5]) or "no label at all"
            raise unfit(where, expected, found)
        return Labels(values)

    def measured(self, labels: Vector, scores: Vector) -> Measured:
        """auc, average_precision and brier."""
        return Ranked(labels, scores)

    def residuals(self, labels: Vector, scores: Vector) -> Vector:
        """Score less label."""
        return (scores - labels)[:, None]

    def gap(self, inner: Figures, every: Figures) -> Any:
        """AUC of all less AUC of some."""
        return every["auc"] - inner["auc"]

    def smallest_class(self, labels: Vector) -> float:
        """Of yes and no."""
        return float(min(labels.sum(), len(labels) - labels.sum()))

    def calibrated(self, labels: Vector, scores: Vector) -> tuple[Vector, Vector] | None:
        """Labels and scores as they are."""
        return labels, scores

    def unit(self, labels: Vector) -> float:
        """1: a score is a chance."""
        return 1.0

    def alone(self, values: Vector, labels: Vector) -> float:
        """The AUC, whichever way it points."""
        auc = Ranked(labels, values).of()["auc"]
        return max(auc, 1 - auc)

    def outcomes(self, labels: Vector) -> list[Vector]:
        """The labels."""
        return [labels]

    def constant(self, labels: Vector, classes: Sequence[str]) -> Vector:
        """The share of yes."""
        return np.asarray(labels.mean())

    def objective(self, classes: Sequence[str]) -> dict[str, Any]:
        """Log loss."""
        return {"objective": "binary"}

    def estimator(self) -> Any:
        """A logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)

    def asked(self, estimator: Any, matrix: Vector) -> Vector:
        """The chance of yes."""
        return np.asarray(estimator.predict_proba(matrix)[:, 1])

    def summary(self, labels: Vector, classes: Sequence[str]) -> dict[str, Any]:
        """The share of yes."""
        return {"positive_share": float(labels.mean())}

    def reference(self, scores: Vector) -> Vector:
        """The scores as they are."""
        return scores

    def plots(self, evidence: Evidence) -> list[str]:
        """The ROC of all that is compared but the base rate."""
        lines = []
        for name, scores in evidence.scores.items():
            if len(np.unique(scores)) > 1:
                across, up = Ranked(evidence.labels, scores).roc()
                every = max(len(across) // POINTS, 1)
                curve = [*zip(across[::every].tolist(), up[::every].tolist(), strict=True), (1.0, 1.0)]
                lines.append((name.replace("_", " "), curve))
        return [svg.curve("ROC", "false positive rate", "true positive rate", lines)]
