"""The choice of LightGBM's parameters: few candidates, compared over folds of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from headgate.model.evaluation.figures import Ranked
from headgate.model.splits import Split
from headgate.model.training.estimators import CANDIDATES, LightGbm, Matrix


def tuned(
    matrix: Matrix,
    labels: Matrix,
    names: Sequence[str],
    categorical: Sequence[int],
    folds: Sequence[Split],
    budget: int,
    step: Callable[[str], None],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The parameters with the least Brier score over the folds, and what each candidate came to.

    Without folds, or with a budget of none, the first candidate, untried.
    """
    tried: list[dict[str, Any]] = []
    for number, parameters in enumerate(CANDIDATES[:budget] if folds else ()):
        losses = []
        for fold in folds:
            fitted = LightGbm(matrix[fold.train], labels[fold.train], names, categorical, parameters)
            losses.append(Ranked(labels[fold.test], fitted.predict(matrix[fold.test])).of()["brier"])
        tried.append({"parameters": parameters, "brier": float(np.mean(losses)), "folds": len(losses)})
        step(f"tuning: candidate {number + 1}")
    first: dict[str, Any] = {"parameters": CANDIDATES[0]}
    best = min(tried, key=lambda found: float(found["brier"]), default=first)
    return dict(best["parameters"]), tried
