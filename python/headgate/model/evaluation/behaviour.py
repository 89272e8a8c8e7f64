"""What a model has to do whatever its figures: ignore an input, follow another; learn nothing from noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headgate.model.evaluation.bootstrap import Drawings, Interval
from headgate.model.evaluation.evidence import MODEL, Evidence
from headgate.model.evaluation.gates import Judge
from headgate.model.tasks.base import Learned

Predict = Callable[[Any], Any]
SEED = 7
#: Parts that an input is cut into; no text has more categories.
PARTS = 50
#: The model's scores where each row has the inputs of another.
DESTROYED = "destroyed"


def judge_behaviour(
    judge: Judge,
    predict: Predict,
    matrix: Any,
    unit: float,
    names: Sequence[str],
    invariant: Sequence[str],
    directions: Mapping[str, str],
) -> None:
    """Inputs that must not matter are drawn anew; inputs with a direction grow by a standard deviation.

    Args:
        judge: notes the verdicts.
        predict: scores of the model.
        matrix: the tested rows.
        unit: what changes of a score are measured in.
        names: of the inputs.
        invariant: those that must not matter.
        directions: those that push the score one way.
    """
    before = predict(matrix)
    bound = judge.threshold("invariance")
    found = []
    for name in invariant:
        place = names.index(name)
        changed = matrix.copy()
        changed[:, place] = np.random.default_rng(SEED).permutation(matrix[:, place])
        moved = _distance(predict(changed), before) / unit
        said = f"{name} drawn anew changes the score by {moved:.3f} on average, at most {bound:g}"
        found.append((moved > bound, moved, said))
    _one_verdict(judge, "invariance", found, len(matrix))
    bound = judge.threshold("direction")
    found = []
    for name, way in directions.items():
        place = names.index(name)
        changed = matrix.copy()
        changed[:, place] += np.nanstd(matrix[:, place])
        moved = float((predict(changed) - before).mean()) / unit * (1 if way == "increasing" else -1)
        said = f"{name}, declared {way}, moves the score by {moved:.3f} that way, at least {-bound:g}"
        found.append((moved < -bound, moved, said))
    _one_verdict(judge, "direction", found, len(matrix))


def _one_verdict(judge: Judge, gate: str, found: Sequence[tuple[bool, float, str]], rows: int) -> None:
    """One of all inputs: those that fail, or all where none does."""
    if found:
        failing = [one for one in found if one[0]]
        told = failing or found
        judge.add(gate, not failing, told[0][1], "; ".join(said for *_, said in told), rows=rows)


def judge_leakage(
    judge: Judge,
    task: Learned,
    names: Sequence[str],
    matrix: Any,
    labels: Any,
    known: tuple[Any, Any],
    shuffled: Predict,
    predict: Predict,
    drawings: Drawings,
) -> None:
    """No input gives the label away; a score rests on the row's own inputs, and noise teaches nothing.

    Args:
        judge: notes the verdicts.
        task: of the model.
        names: of the inputs.
        matrix: the tested rows.
        labels: of the tested rows.
        known: rows that were learned from, and their labels.
        shuffled: scores of a model that learned from shuffled labels.
        predict: scores of the model.
        drawings: of the tested rows.
    """
    bound = judge.threshold("leaked_feature")
    strongest, name = max(
        (alone(task, matrix[:, place], labels, (known[0][:, place], known[1])), name)
        for place, name in enumerate(names)
    )
    judge.add(
        "leaked_feature",
        strongest < bound,
        strongest,
        f"{name} alone tells the label by {strongest:.3f} of 1; {bound:g} and more is known only afterwards",
        rows=len(labels),
    )

    others = np.random.default_rng(SEED).permutation(len(matrix))
    # Tested on shuffled labels too: what noise teaches of a strong input points one way or the other.
    learned = task.measured(labels[others], shuffled(matrix))
    found = drawings.intervals(learned)[task.ranking]
    passes, said = _at_chance(judge, task, "shuffled_labels", found)
    judge.add("shuffled_labels", passes, found, f"{said}, learned from shuffled labels")
    whole = {MODEL: predict(matrix), DESTROYED: predict(matrix[others])}
    evidence = Evidence(task, labels, whole, drawings)
    found = evidence.figures(DESTROYED)[task.ranking]
    fall = evidence.difference(task.ranking, MODEL, DESTROYED)
    passes, said = _at_chance(judge, task, "destroyed_signal", found)
    judge.add(
        "destroyed_signal",
        passes and fall.low > 0,
        found,
        f"{said}, when each row has the inputs of another; that is a fall by {fall}, whose lower end has to"
        " lie above 0",
    )


def _at_chance(judge: Judge, task: Learned, gate: str, found: Interval) -> tuple[bool, str]:
    """Whether a figure is that of a model without skill, and what is said of it."""
    most = task.chance + judge.threshold(gate)
    return found.low <= most, f"{task.titles[task.ranking]} {found}, its lower end may be {most:g} at most"


def alone(task: Learned, values: Any, labels: Any, known: tuple[Any, Any]) -> float:
    """How well one input by itself tells the label: by value, by absence, by what the label is elsewhere.

    Args:
        task: of the model.
        values: of the input, in the tested rows.
        labels: of the tested rows.
        known: the input's values and the labels of other rows.
    """
    candidates = [
        np.isnan(values).astype(float),
        np.where(np.isnan(values), -np.inf, values),
        *_told_by(values, known[0], task.outcomes(known[1])),
    ]
    found = [task.alone(candidate, labels) for candidate in candidates if candidate.min() < candidate.max()]
    return max((value for value in found if value == value), default=0.0)


def _told_by(values: Any, others: Any, outcomes: Any) -> list[Any]:
    """Mean outcomes of the known rows whose value lies in the same part, for each of the values.

    So a text that gives the label away is found whatever the order of its categories.
    """
    edges = (
        np.unique(np.nanquantile(others, np.linspace(0, 1, PARTS + 1))) if np.isfinite(others).any() else []
    )
    place, own = (np.searchsorted(edges, given, side="left") for given in (others, values))
    place[np.isnan(others)] = own[np.isnan(values)] = PARTS + 2
    counts = np.bincount(place, minlength=PARTS + 3)
    found = []
    for outcome in outcomes:
        sums = np.bincount(place, weights=outcome, minlength=PARTS + 3)
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), outcome.mean())
        found.append(mean[own])
    return found


def _distance(scores: Any, others: Any) -> float:
    """The mean difference; of chances of classes, the share that moves from one to another."""
    moved = np.abs(scores - others)
    return float(moved.mean() if moved.ndim == 1 else moved.sum(axis=1).mean() / 2)
