"""Figures of scores over weighted rows, for many drawings at once; a weight is how often a row was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

Vector: TypeAlias = "np.ndarray[Any, Any]"
ECE_BINS = 10


class Measured:
    """What has figures of its rows."""

    rows: int

    def of(self) -> dict[str, float]:
        """The figures, each row counted once; NaN where one cannot be computed."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self.drawn(np.ones((1, self.rows)))
        return {name: float(values[0]) for name, values in found.items()}

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """The figures of each drawing, of the weights of the rows (drawings by rows)."""
        raise NotImplementedError


class Means(Measured):
    """Means over the rows, by name."""

    def __init__(self, values: Mapping[str, Vector]) -> None:
        self._names = list(values)
        self._values = np.column_stack([np.asarray(found, dtype=np.float64) for found in values.values()])
        self.rows = len(self._values)

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """Weighted means."""
        means = (weights @ self._values) / weights.sum(axis=1, keepdims=True)
        return dict(zip(self._names, means.T, strict=True))


class Ranked(Measured):
    """Scores of two classes with their labels, sorted once: auc, average_precision, brier."""

    def __init__(self, labels: Vector, scores: Vector) -> None:
        self.rows = len(scores)
        labels = labels.astype(np.float64)
        self._order = np.argsort(-scores, kind="stable")
        ranked = scores[self._order]
        self._positive = labels[self._order]
        #: Where each group of equal scores begins.
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._loss = Means({"brier": (scores - labels) ** 2})

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """auc, average_precision and brier; the first two NaN where one class only was drawn."""
        ranked = weights[:, self._order]
        positive = self._summed(ranked * self._positive)
        negative = self._summed(ranked) - positive
        above = np.cumsum(positive, axis=1)
        wrong = np.cumsum(negative, axis=1)
        positives, negatives = above[:, -1], wrong[:, -1]
        below = negatives[:, None] - wrong + negative / 2
        auc = np.einsum("ij,ij->i", positive, below) / (positives * negatives)
        wrong += above
        precision = np.divide(above, wrong, out=np.zeros_like(above), where=wrong > 0)
        average = np.einsum("ij,ij->i", positive, precision) / positives
        both = (positives > 0) & (negatives > 0)
        return {
            "auc": np.where(both, auc, np.nan),
            "average_precision": np.where(both, average, np.nan),
            **self._loss.drawn(weights),
        }

    def roc(self) -> tuple[Vector, Vector]:
        """False and true positive rates, from (0, 0) to (1, 1)."""
        positive = np.add.reduceat(self._positive, self._starts)
        negative = np.add.reduceat(1 - self._positive, self._starts)
        shares = [np.r_[0, np.cumsum(part) / max(part.sum(), 1)] for part in (negative, positive)]
        return shares[0], shares[1]

    def _summed(self, ranked: Vector) -> Vector:
        """Sums of each group of equal scores."""
        if len(self._starts) == self.rows:
            return ranked
        summed: Vector = np.add.reduceat(ranked, self._starts, axis=1)
        return summed


class Calibration(Measured):
    """The expected calibration error (`ece`) over bins of equal mass; equal scores may be parted."""

    def __init__(self, labels: Vector, scores: Vector) -> None:
        self.rows = len(scores)
        self._order = np.argsort(scores, kind="stable")
        bins = np.array_split(self._order, min(ECE_BINS, max(self.rows, 1)))
        self._starts = np.cumsum([0, *(len(places) for places in bins[:-1])])
        self._values = np.stack([scores[self._order], labels[self._order].astype(np.float64)])

    def bins(self) -> list[tuple[float, float, float]]:
        """Of each bin mean score, share of positives, rows."""
        mass = np.diff([*self._starts, self.rows])
        means = np.add.reduceat(self._values, self._starts, axis=1) / mass
        return [
            (float(score), float(share), float(rows))
            for (score, share), rows in zip(means.T, mass, strict=True)
        ]

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """The error by drawing."""
        ranked = weights[:, self._order]
        excess = np.add.reduceat(ranked * (self._values[0] - self._values[1]), self._starts, axis=1)
        return {"ece": np.abs(excess).sum(axis=1) / ranked.sum(axis=1)}


def spiegelhalter(labels: Vector, scores: Vector) -> tuple[float, float]:
    """Spiegelhalter's z and its two-sided p-value: whether the Brier score is what the scores promise."""
    from scipy.stats import norm  # type: ignore[import-untyped, unused-ignore]

    spread = (1 - 2 * scores) ** 2 * scores * (1 - scores)
    if not spread.sum():
        return 0.0, 1.0
    z = float(((labels - scores) * (1 - 2 * scores)).sum() / np.sqrt(spread.sum()))
    return z, float(2 * norm.sf(abs(z)))
