"""Figures of slices: a good score over all rows may hide a group that the model does badly by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from headgate.model.evaluation.bootstrap import Interval, interval
from headgate.model.evaluation.evidence import MODEL, Evidence
from headgate.model.evaluation.figures import Means

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
    #: The mean label; None where labels are no numbers.
    share: float | None
    #: The task's figures; None where it has too few rows to be judged.
    figures: Mapping[str, Interval] | None
    #: By how much its ranking lies below that of all rows.
    gap: Interval | None
    #: Mean score less mean label, of the output that is worst off.
    bias: Interval | None

    def as_dict(self) -> dict[str, Any]:
        """For the register."""
        parts = {**(self.figures or {}), "gap": self.gap, "bias": self.bias}
        values = {name: getattr(self, name) for name in ("slice", "value", "rows", "share")}
        return {**values, **{name: part and part.as_dict() for name, part in parts.items()}}


def slices(evidence: Evidence, columns: Mapping[str, list[Any]], smallest: int) -> list[Slice]:
    """Every slice of the tested rows.

    Args:
        evidence: of the tested rows.
        columns: by name of the slices, the values by row.
        smallest: slices with fewer rows are listed without figures.
    """
    residuals = evidence.task.residuals(evidence.labels, evidence.scores[MODEL])
    return [
        _slice(evidence, residuals, name, value, members, smallest)
        for name, values in columns.items()
        for value, members in _members(values).items()
    ]


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
    return all(type(value) in (int, float, Decimal) for value in numbers) and len(numbers) > VALUES


def _parts(numbers: Any) -> dict[str, Any]:
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, numbers, side="left")
    names = [f"up to {edges[0]:g}", *(f"up to {edge:g}" for edge in edges[1:]), f"over {edges[-1]:g}"]
    found = {name: (place == at) & ~np.isnan(numbers) for at, name in enumerate(names)}
    found["none"] = np.isnan(numbers)
    return {name: members for name, members in found.items() if members.any()}


def _slice(evidence: Evidence, residuals: Any, name: str, value: str, members: Any, smallest: int) -> Slice:
    task, labels, scores = evidence.task, evidence.labels[members], evidence.scores[MODEL][members]
    rows = len(labels)
    share = float(labels.mean()) if labels.dtype.kind == "f" else None
    if rows < smallest:
        return Slice(name, value, rows, share, None, None, None)
    bias = _bias(evidence, residuals[members], members) if residuals is not None else None
    if task.smallest_class(labels) < LEAST_OF_CLASS:
        return Slice(name, value, rows, share, None, None, bias)
    measured = task.measured(labels, scores)
    values, drawn = measured.of(), evidence.drawings.figures(measured, members)
    all_values, all_drawn = evidence.both(MODEL)
    figures = {figure: interval(values[figure], drawn[figure], rows) for figure in values}
    gap = interval(float(task.gap(values, all_values)), task.gap(drawn, all_drawn), rows)
    return Slice(name, value, rows, share, figures, gap, bias)


def _bias(evidence: Evidence, residuals: Any, members: Any) -> Interval:
    """Of several outputs that which clearly differs most."""
    means = Means({str(place): column for place, column in enumerate(residuals.T)})
    values, drawn = means.of(), evidence.drawings.figures(means, members)
    found = [interval(value, drawn[name], len(residuals)) for name, value in values.items()]
    return max(found, key=lambda bias: max(bias.low, -bias.high))
