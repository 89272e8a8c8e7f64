"""Intervals by drawing groups, not rows: rows of one group are alike, and would make intervals too narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

Vector: TypeAlias = "np.ndarray[Any, Any]"
ROUNDS = 500
#: Of rows times rounds, so that a large test set does not take longer than the training.
BUDGET = 25_000_000
LEAST_ROUNDS = 100
#: Of rows times rounds that are worked on at once: what the processor's cache holds.
CHUNK = 250_000
#: The share of the drawings that an interval covers.
COVERED = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with the interval that covers 95 % of its drawings."""

    value: float
    low: float
    high: float
    rows: int

    def as_dict(self) -> dict[str, float | int | None]:
        """For the register; what cannot be computed is None, which JSON can hold."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Drawn(Protocol):
    """What has figures for many drawings at once."""

    def of(self) -> dict[str, float]:
        """Its figures for all rows."""

    def drawn(self, weights: Vector) -> dict[str, Vector]:
        """Its figures for each drawing, of the weights of its rows (drawings by rows)."""


class Drawings:
    """How often each row is drawn, round by round; the same for all that is compared.

    Args:
        groups: the group of each row, as numbers from 0.
        seed: of the drawings.
        rounds: how many; by default as many as the budget allows.
    """

    def __init__(self, groups: Vector, seed: int = 0, rounds: int | None = None) -> None:
        self._groups = groups
        self.count = int(groups.max()) + 1 if len(groups) else 0
        self.rounds = rounds or int(np.clip(BUDGET // max(len(groups), 1), LEAST_ROUNDS, ROUNDS))
        generator = np.random.default_rng(seed)
        share = np.full(self.count, 1 / max(self.count, 1))
        self._drawn = generator.multinomial(self.count, share, self.rounds).astype(np.float64)

    def figures(self, measured: Drawn, members: Vector | None = None) -> dict[str, Vector]:
        """Each figure by round; NaN where it cannot be computed.

        Args:
            measured: what has the figures.
            members: the rows that it has, as truth values by row; by default all.
        """
        groups = self._groups if members is None else self._groups[members]
        step = max(CHUNK // max(len(groups), 1), 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            parts = [
                measured.drawn(self._drawn[start : start + step, groups])
                for start in range(0, self.rounds, step)
            ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def intervals(self, measured: Drawn) -> dict[str, Interval]:
        """Each figure with its interval."""
        drawn = self.figures(measured)
        return {
            name: interval(value, drawn[name], len(self._groups)) for name, value in measured.of().items()
        }


def interval(value: float, drawn: Vector, rows: int) -> Interval:
    """The figure of all rows with the percentiles of those of the drawings."""
    usable = drawn[~np.isnan(drawn)]
    if not len(usable):
        return Interval(value, float("nan"), float("nan"), rows)
    low, high = np.quantile(usable, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Interval(value, float(low), float(high), rows)


def unbiased(value: float, drawn: Vector, rows: int) -> Interval:
    """A figure that chance makes greater, such as a sum of absolute errors, less what chance has added.

    Drawing adds as much again as the rows themselves did: figure and interval are mirrored on the figure.
    """
    found = interval(value, drawn, rows)
    usable = drawn[~np.isnan(drawn)]
    middle = float(usable.mean()) if len(usable) else value
    mirrored, low, high = (max(2 * value - end, 0.0) for end in (middle, found.high, found.low))
    return Interval(mirrored, low, high, rows)


def numbered(values: Sequence[Any]) -> Vector:
    """Groups as numbers from 0, by their first row; rows without one are groups of their own."""
    known: dict[Any, int] = {}
    return np.array(
        [
            known.setdefault(("none", place) if value is None else value, len(known))
            for place, value in enumerate(values)
        ],
        dtype=np.int64,
    )
