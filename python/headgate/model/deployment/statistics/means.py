"""Where the mean of bounded values lies: an empirical-Bernstein confidence sequence.

Valid at every number of values at once, so that it can be looked at after each of them. The predictable
plug-in of Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, theorem 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: Largest bet; the bound of the theorem lies below 1.
LARGEST_BET = 0.5


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Bounds of a mean that hold at every count so far with the confidence that was asked for."""

    count: int
    mean: float | None
    low: float
    high: float

    def as_dict(self) -> dict[str, float | int | None]:
        """The interval for programs."""
        return {"count": self.count, "mean": self.mean, "low": self.low, "high": self.high}


@dataclass
class Sequence:
    """The state after some values between -1 and 1; each bound errs with a chance of `alpha` at most."""

    alpha: float
    count: int = 0
    total: float = 0.0
    low: float = -1.0
    high: float = 1.0
    _spread: float = 0.25
    _middle: float = 0.5
    _bets: float = 0.0
    _weighted: float = 0.0
    _penalty: float = 0.0
    _scaled: float = 0.5

    def add(self, value: float) -> None:
        """Takes one more value into account."""
        scaled = (value + 1) / 2
        self.count += 1
        self.total += value
        variance = self._spread / self.count
        bet = math.sqrt(2 * math.log(1 / self.alpha) / (variance * self.count * math.log(self.count + 1)))
        bet = min(bet, LARGEST_BET)
        self._bets += bet
        self._weighted += bet * scaled
        self._penalty += (scaled - self._middle) ** 2 * (-math.log(1 - bet) - bet)
        self._scaled += scaled
        self._middle = self._scaled / (self.count + 1)
        self._spread += (scaled - self._middle) ** 2
        self._narrow()

    def interval(self) -> Interval:
        """What is known of the mean by now."""
        mean = self.total / self.count if self.count else None
        return Interval(count=self.count, mean=mean, low=self.low, high=self.high)

    def _narrow(self) -> None:
        centre = self._weighted / self._bets
        width = (math.log(1 / self.alpha) + self._penalty) / self._bets
        self.low = max(self.low, 2 * (centre - width) - 1)
        self.high = min(self.high, 2 * (centre + width) - 1)


def interval(values: Iterable[float], alpha: float) -> Interval:
    """Bounds of the mean of values between -1 and 1; each errs with a chance of `alpha` at most."""
    state = Sequence(alpha)
    for value in values:
        state.add(value)
    return state.interval()
