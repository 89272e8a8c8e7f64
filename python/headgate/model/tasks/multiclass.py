"""One of several classes: scores are the chances of each, which sum to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.model.evaluation.figures import Means, Measured, Ranked
from headgate.model.tasks.base import Figures, Labels, Vector, unfit

if TYPE_CHECKING:
    import pyarrow as pa

    from headgate.model.evaluation.evidence import Evidence

#: The least chance that the log loss counts with, so that one row does not decide.
LEAST = 1e-6
MOST_CLASSES = 100


class Chances(Measured):
    """log_loss, accuracy, and skill: the share of the log loss of the class shares that is spared."""

    def __init__(self, labels: Vector, scores: Vector) -> None:
        self.rows = len(scores)
        places = labels.astype(np.int64)
        given = scores[np.arange(self.rows), places]
        self._means = Means(
            {
                "log_loss": -np.log(np.clip(given, LEAST, 1.0)),
                "accuracy": scores.argmax(axis=1) == places,
                **{str(place): places == place for place in range(scores.shape[1])},
            }
        )

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """The figures by drawing; skill is NaN where one class only was drawn."""
        found = self._means.drawn(weights)
        loss, accuracy, *shares = found.values()
        known = np.clip(np.stack(shares), LEAST, 1.0)
        entropy = -(np.stack(shares) * np.log(known)).sum(axis=0)
        skill = 1 - loss / np.where(entropy > 0, entropy, np.nan)
        return {"log_loss": loss, "accuracy": accuracy, "skill": skill}


class Multiclass:
    """Three outcomes or more."""

    name = "multiclass"
    titles: Mapping[str, str] = {"log_loss": "log loss", "accuracy": "accuracy", "skill": "skill"}
    ranking, chance, has_chance = "skill", 0.0, False
    loss = "log_loss"
    scale_loss: str | None = None
    gap_gate = "slice_skill_gap"
    simple = "logistic regression"

    def labels(self, column: pa.ChunkedArray, where: str) -> Labels:
        """Places of the classes, which are sorted as texts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)):
            raise unfit(where, "texts or whole numbers, one for each class", f"a column of {kind}")
        texts = pc.cast(column, pa.string())
        classes = sorted(pc.unique(texts).to_pylist())
        if not 2 <= len(classes) <= MOST_CLASSES:
            raise unfit(where, f"from 2 to {MOST_CLASSES} classes", str(len(classes)))
        places = pc.index_in(texts, value_set=pa.array(classes, pa.string()))
        return Labels(pc.cast(places, pa.float64()).to_numpy(), tuple(classes))

    def measured(self, labels: Vector, scores: Vector) -> Measured:
        """log_loss, accuracy and skill."""
        return Chances(labels, scores)

    def residuals(self, labels: Vector, scores: Vector) -> Vector:
        """By class, its chance less whether it is the one."""
        found: Vector = scores - (labels[:, None] == np.arange(scores.shape[1]))
        return found

    def gap(self, inner: Figures, every: Figures) -> Any:
        """By how much the log loss of some rows is greater, in that of all rows' class shares."""
        left = 1 - every["skill"]
        return left * (inner["log_loss"] / every["log_loss"] - 1)

    def smallest_class(self, labels: Vector) -> float:
        """Log loss needs no class in a slice."""
        return float("inf")

    def calibrated(self, labels: Vector, scores: Vector) -> tuple[Vector, Vector] | None:
        """Whether the likeliest class was it, and the chance that it was given."""
        return (scores.argmax(axis=1) == labels).astype(np.float64), scores.max(axis=1)

    def unit(self, labels: Vector) -> float:
        """1: scores are chances."""
        return 1.0

    def alone(self, values: Vector, labels: Vector) -> float:
        """The AUC of one class against the others, of the class that the input tells best."""
        found = [Ranked(labels == place, values).of()["auc"] for place in np.unique(labels)]
        return max(max(auc, 1 - auc) for auc in found)

    def outcomes(self, labels: Vector) -> list[Vector]:
        """By class, whether it is the one."""
        return [(labels == place).astype(np.float64) for place in np.unique(labels)]

    def constant(self, labels: Vector, classes: Sequence[str]) -> Vector:
        """The classes' shares."""
        return np.bincount(labels.astype(np.int64), minlength=len(classes)) / len(labels)

    def objective(self, classes: Sequence[str]) -> dict[str, Any]:
        """Softmax."""
        return {"objective": "multiclass", "num_class": len(classes)}

    def estimator(self) -> Any:
        """A multinomial logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)

    def asked(self, estimator: Any, matrix: Vector) -> Vector:
        """The chance of each class."""
        return np.asarray(estimator.predict_proba(matrix))

    def summary(self, labels: Vector, classes: Sequence[str]) -> dict[str, Any]:
        """The classes' shares."""
        shares = self.constant(labels, classes).tolist()
        return {"class_shares": dict(zip(classes, shares, strict=True))}

    def reference(self, scores: Vector) -> Vector:
        """The chance of the likeliest class."""
        found: Vector = scores.max(axis=1)
        return found

    def plots(self, evidence: Evidence) -> list[str]:
        """None of its own."""
        return []
