"""The choice of LightGBM's parameters: few candidates, compared over folds of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headgate.model.splits import Split
from headgate.model.tasks.base import Learned
from headgate.model.training.estimators import CANDIDATES, Fitted, Matrix


def tuned(
    task: Learned,
    learn: Callable[[Matrix, Matrix, Mapping[str, Any]], Fitted],
    matrix: Matrix,
    labels: Matrix,
    folds: Sequence[Split],
    budget: int,
    step: Callable[[str], None],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The parameters with the least loss over the folds, and what each candidate came to.

    Without folds, or with a budget of none, the first candidate, untried.
    """
    tried: list[dict[str, Any]] = []
    for number, parameters in enumerate(CANDIDATES[:budget] if folds else ()):
        losses = []
        for fold in folds:
            fitted = learn(matrix[fold.train], labels[fold.train], parameters)
            measured = task.measured(labels[fold.test], fitted.predict(matrix[fold.test]))
            losses.append(measured.of()[task.loss])
        tried.append({"parameters": parameters, task.loss: float(np.mean(losses)), "folds": len(losses)})
        step(f"tuning: candidate {number + 1}")
    first: dict[str, Any] = {"parameters": CANDIDATES[0]}
    best = min(tried, key=lambda found: float(found[task.loss]), default=first)
    return dict(best["parameters"]), tried
