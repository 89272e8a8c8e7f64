"""Figures of binary scores over weighted rows; a weight says how often a row was drawn."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Vector: TypeAlias = "np.ndarray[Any, Any]"
ECE_BINS = 10


class Ranked:
    """Scores with their labels, sorted once so that thousands of drawings cost little."""

    def __init__(self, labels: Vector, scores: Vector) -> None:
        self.labels, self.scores = labels.astype(np.float64), scores
        self._order = np.argsort(-scores, kind="stable")
        ranked = scores[self._order]
        self._positive = self.labels[self._order]
        #: Where each group of equal scores begins.
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._loss = (scores - self.labels) ** 2

    def of(self, weights: Vector | None = None) -> dict[str, float]:
        """auc, average_precision and brier; NaN where one class only was drawn."""
        given = np.ones(len(self.scores)) if weights is None else weights
        drawn = given[self._order]
        positive = np.add.reduceat(drawn * self._positive, self._starts)
        negative = np.add.reduceat(drawn, self._starts) - positive
        brier = float(given @ self._loss / given.sum())
        if not positive.sum() or not negative.sum():
            return {"auc": np.nan, "average_precision": np.nan, "brier": brier}
        above, below = np.cumsum(positive), negative.sum() - np.cumsum(negative)
        auc = positive @ (below + negative / 2) / (positive.sum() * negative.sum())
        found = above + np.cumsum(negative)
        precision = np.divide(above, found, out=np.zeros_like(above), where=found > 0)
        average = positive @ precision / positive.sum()
        return {"auc": float(auc), "average_precision": float(average), "brier": brier}

    def roc(self) -> tuple[Vector, Vector]:
        """False and true positive rates, from (0, 0) to (1, 1)."""
        positive = np.add.reduceat(self._positive, self._starts)
        negative = np.add.reduceat(1 - self._positive, self._starts)
        shares = [np.r_[0, np.cumsum(part) / max(part.sum(), 1)] for part in (negative, positive)]
        return shares[0], shares[1]


def calibration_bins(
    labels: Vector, scores: Vector, weights: Vector | None = None
) -> list[tuple[float, float, float]]:
    """Bins of equal mass: mean score, share of positives, rows; equal scores may be parted."""
    order = np.argsort(scores, kind="stable")
    given = np.ones(len(scores)) if weights is None else weights
    bins = []
    for places in np.array_split(order, min(ECE_BINS, len(order))):
        mass = given[places].sum()
        if mass:
            means = given[places] @ np.c_[scores[places], labels[places]] / mass
            bins.append((float(means[0]), float(means[1]), float(mass)))
    return bins


def calibration_error(labels: Vector, scores: Vector, weights: Vector | None = None) -> float:
    """Expected calibration error (ECE) over bins of equal mass."""
    bins = calibration_bins(labels, scores, weights)
    mass = sum(rows for *_, rows in bins)
    return sum(abs(score - share) * rows for score, share, rows in bins) / mass


def spiegelhalter(labels: Vector, scores: Vector) -> tuple[float, float]:
    """Spiegelhalter's z and its two-sided p-value: whether the Brier score is what the scores promise."""
    from scipy.stats import norm  # type: ignore[import-untyped, unused-ignore]

    spread = (1 - 2 * scores) ** 2 * scores * (1 - scores)
    if not spread.sum():
        return 0.0, 1.0
    z = float(((labels - scores) * (1 - 2 * scores)).sum() / np.sqrt(spread.sum()))
    return z, float(2 * norm.sf(abs(z)))
