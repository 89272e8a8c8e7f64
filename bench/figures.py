"""What a benchmark yields: figures, each against a baseline, most with a target."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. A target of None: the figure is there for comparison."""

    name: str
    unit: str
    baseline: float | None
    ours: float
    #: What the target is about: how many times better than the baseline, or how many times its cost.
    ratio: float | None
    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def speed(
        cls, name: str, baseline: float, ours: float, at_least: float | None = None, unit: str = "rows/s"
    ) -> Figure:
        """Rates: more is better."""
        return cls(
            name=name, unit=unit, baseline=baseline, ours=ours, ratio=ours / baseline, at_least=at_least
        )

    @classmethod
    def rate(cls, name: str, ours: float, at_least: float | None = None, unit: str = "rows/s") -> Figure:
        """A rate with a bound of its own and nothing to compare it with: more is better."""
        return cls(name=name, unit=unit, baseline=None, ours=ours, ratio=None, at_least=at_least)

    @classmethod
    def faster(cls, name: str, baseline: float, ours: float, at_least: float | None = None) -> Figure:
        """Seconds: the ratio says how many times as fast ours is."""
        return cls(
            name=name, unit="s", baseline=baseline, ours=ours, ratio=baseline / ours, at_least=at_least
        )

    @classmethod
    def cost(cls, name: str, baseline: float, ours: float, at_most: float | None = None) -> Figure:
        """Seconds: the ratio says how many times the baseline's cost ours is."""
        return cls(name=name, unit="s", baseline=baseline, ours=ours, ratio=ours / baseline, at_most=at_most)

    @classmethod
    def milliseconds(
        cls, name: str, baseline: float | None, ours: float, at_most: float | None = None
    ) -> Figure:
        """Seconds shown as milliseconds: the ratio says how many times the baseline's cost ours is."""
        ratio, limit = (None, None) if baseline is None else (ours / baseline, at_most)
        shown = None if baseline is None else baseline * 1000
        return cls(name=name, unit="ms", baseline=shown, ours=ours * 1000, ratio=ratio, at_most=limit)

    @classmethod
    def amount(cls, name: str, unit: str, ours: float, at_most: float | None = None) -> Figure:
        """An amount with a bound of its own and nothing to compare it with."""
        return cls(name=name, unit=unit, baseline=None, ours=ours, ratio=None, at_most=at_most)

    @property
    def target(self) -> str:
        """The target for people."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        value = self.ours if self.ratio is None else self.ratio
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {**vars(self), "reached": self.reached}


def interleave(
    ways: Mapping[str, Callable[[], object]], rounds: int, reset: Callable[[], object] | None = None
) -> dict[str, float]:
    """Median seconds of each way; the ways take turns, so that what else the machine does meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            if reset is not None:
                reset()
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def median_by_name(samples: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The median of each name's values."""
    values: dict[str, list[float]] = {}
    for sample in samples:
        for name, value in sample.items():
            values.setdefault(name, []).append(value)
    return {name: statistics.median(found) for name, found in values.items()}
