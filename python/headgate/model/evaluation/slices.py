"""Figures of slices: a good score over all rows may hide a group that the model does badly by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headgate.model.evaluation.bootstrap import Interval
from headgate.model.evaluation.evidence import MODEL, Evidence
from headgate.model.evaluation.figures import Ranked

#: Values of a column that get a slice of their own; others are one together.
VALUES = 8
#: A number is cut into this many parts of equal rows.
PARTS = 3
LEAST_OF_CLASS = 5


@dataclass(frozen=True)
class Slice:
    """One slice of the tested rows."""

    slice: str
    value: str
    rows: int
    share: float
    #: None where it has too few rows to be judged.
    auc: Interval | None
    #: By how much its AUC lies below that of all rows.
    auc_gap: Interval | None
    #: Mean score less share of positives.
    bias: Interval | None

    def as_dict(self) -> dict[str, Any]:
        """For the register."""
        values = {name: getattr(self, name) for name in ("slice", "value", "rows", "share")}
        parts = {name: getattr(self, name) for name in ("auc", "auc_gap", "bias")}
        return {**values, **{name: part and part.as_dict() for name, part in parts.items()}}


def slices(evidence: Evidence, columns: Mapping[str, list[Any]], smallest: int) -> list[Slice]:
    """Every slice of the tested rows.

    Args:
        evidence: of the tested rows.
        columns: by name of the slices, the values by row.
        smallest: slices with fewer rows are listed without figures.
    """
    found = []
    for name, values in columns.items():
        for value, members in _members(values).items():
            found.append(_slice(evidence, name, value, members, smallest))
    return found


def _members(values: list[Any]) -> dict[str, Any]:
    if _is_quantity(values):
        numbers = np.array([np.nan if value is None else float(value) for value in values])
        return _parts(numbers)
    texts = np.array(["none" if value is None else str(value).lower() for value in values])
    known, counts = np.unique(texts, return_counts=True)
    frequent = sorted(known[np.argsort(-counts, kind="stable")[:VALUES]])
    found = {str(value): texts == value for value in frequent}
    others = ~np.isin(texts, frequent)
    return {**found, **({"others": others} if others.any() else {})}


def _is_quantity(values: list[Any]) -> bool:
    numbers = {value for value in values if value is not None}
    kinds = {type(value) for value in numbers}
    return bool(kinds) and bool not in kinds and str not in kinds and len(numbers) > VALUES


def _parts(numbers: Any) -> dict[str, Any]:
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, numbers, side="left")
    names = [f"up to {edges[0]:g}", *(f"up to {edge:g}" for edge in edges[1:]), f"over {edges[-1]:g}"]
    found = {name: (place == at) & ~np.isnan(numbers) for at, name in enumerate(names)}
    found["none"] = np.isnan(numbers)
    return {name: members for name, members in found.items() if members.any()}


def _slice(evidence: Evidence, name: str, value: str, members: Any, smallest: int) -> Slice:
    labels, scores = evidence.labels[members], evidence.scores[MODEL][members]
    rows, share = len(labels), float(labels.mean())
    classes = min(labels.sum(), rows - labels.sum())
    if rows < smallest:
        return Slice(name, value, rows, share, None, None, None)
    inner, every = Ranked(labels, scores), Ranked(evidence.labels, evidence.scores[MODEL])

    def figures(weights: Any) -> dict[str, float]:
        drawn = None if weights is None else weights[members]
        given = np.ones(rows) if drawn is None else drawn
        if not given.sum():
            return {"auc": np.nan, "auc_gap": np.nan, "bias": np.nan}
        auc = inner.of(drawn)["auc"]
        bias = float(given @ (scores - labels) / given.sum())
        return {"auc": auc, "auc_gap": every.of(weights)["auc"] - auc, "bias": bias}

    found = evidence.drawings.intervals(figures)
    can_rank = classes >= LEAST_OF_CLASS
    return Slice(
        name,
        value,
        rows,
        share,
        _of_rows(found["auc"], rows) if can_rank else None,
        _of_rows(found["auc_gap"], rows) if can_rank else None,
        _of_rows(found["bias"], rows),
    )


def _of_rows(found: Interval, rows: int) -> Interval:
    return Interval(found.value, found.low, found.high, rows)
