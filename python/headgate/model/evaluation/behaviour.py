"""What a model has to do whatever its figures: ignore an input, follow another; learn nothing from noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headgate.model.evaluation.bootstrap import Drawings, Interval
from headgate.model.evaluation.figures import Ranked
from headgate.model.evaluation.gates import Judge

Predict = Callable[[Any], Any]
SEED = 7


def judge_behaviour(
    judge: Judge,
    predict: Predict,
    matrix: Any,
    names: Sequence[str],
    invariant: Sequence[str],
    directions: Mapping[str, str],
) -> None:
    """Inputs that must not matter are drawn anew; inputs with a direction grow by a standard deviation."""
    before = predict(matrix)
    for name in invariant:
        place = names.index(name)
        changed = matrix.copy()
        changed[:, place] = np.random.default_rng(SEED).permutation(matrix[:, place])
        moved = float(np.abs(predict(changed) - before).mean())
        bound = judge.threshold("invariance")
        judge.add(
            "invariance",
            moved <= bound,
            moved,
            f"{name} drawn anew changes the score by {moved:.3f} on average, at most {bound:g}",
            rows=len(matrix),
        )
    for name, way in directions.items():
        place = names.index(name)
        changed = matrix.copy()
        changed[:, place] += np.nanstd(matrix[:, place])
        moved = float((predict(changed) - before).mean()) * (1 if way == "increasing" else -1)
        bound = judge.threshold("direction")
        judge.add(
            "direction",
            moved >= -bound,
            moved,
            f"{name}, declared {way}, moves the score by {moved:.3f} that way, at least {-bound:g}",
            rows=len(matrix),
        )


def judge_leakage(
    judge: Judge,
    names: Sequence[str],
    matrix: Any,
    labels: Any,
    shuffled: Predict,
    predict: Predict,
    drawings: Drawings,
) -> None:
    """No input gives the label away; without signal nothing can be predicted.

    Args:
        judge: notes the verdicts.
        names: of the inputs.
        matrix: the tested rows.
        labels: of the tested rows.
        shuffled: scores of a model that learned from shuffled labels.
        predict: scores of the model.
        drawings: of the tested rows.
    """
    bound = judge.threshold("leaked_feature")
    strongest, name = max((alone(matrix[:, place], labels), name) for place, name in enumerate(names))
    judge.add(
        "leaked_feature",
        strongest < bound,
        strongest,
        f"{name} alone has an AUC of {strongest:.3f}; {bound:g} and more is known only afterwards",
        rows=len(labels),
    )
    _at_chance(judge, "shuffled_labels", drawings, labels, shuffled(matrix), "learned from shuffled labels")
    others = np.random.default_rng(SEED).permutation(len(matrix))
    _at_chance(
        judge, "destroyed_signal", drawings, labels, predict(matrix[others]), "with another row's inputs"
    )


def alone(values: Any, labels: Any) -> float:
    """The AUC of one input by itself, of its value or of its absence, whichever way it points."""
    candidates = [
        np.isnan(values).astype(float),
        np.nan_to_num(values, nan=-np.inf, posinf=np.inf, neginf=-np.inf),
    ]
    found = [
        Ranked(labels, candidate).of()["auc"] for candidate in candidates if len(np.unique(candidate)) > 1
    ]
    return max((max(auc, 1 - auc) for auc in found if auc == auc), default=0.5)


def _at_chance(judge: Judge, gate: str, drawings: Drawings, labels: Any, scores: Any, how: str) -> None:
    ranked = Ranked(labels, scores)
    auc: Interval = drawings.intervals(lambda weights: {"auc": ranked.of(weights)["auc"]})["auc"]
    bound = judge.threshold(gate)
    at_chance = auc.low <= 0.5 + bound and auc.high >= 0.5 - bound
    judge.add(gate, at_chance, auc, f"AUC {auc} {how}; the interval has to reach 0.5 but for {bound:g}")
