"""Whether one of two arms fails more often: a conditional binomial e-process.

Only failures are counted. Where both arms fail alike, a failing key is in the canary with the canary's share
`p`, whatever the rate; where the canary's rate is L times as high, with `p * L / (p * L + 1 - p)`. The
evidence is the likelihood of what was seen, averaged over L > 1, against that of L = 1. Ville's inequality
bounds the chance that it ever reaches 1 / alpha while L <= 1 by alpha: exactly, and however often one looks
(Ville 1939; Ramdas et al. 2023, Game-theoretic statistics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

#: Ratios of rates that the evidence is averaged over.
POINTS = 256


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was counted while a canary had one share."""

    #: The canary's share of the keys, above 0 and below 1.
    share: float
    #: Keys that failed, by the arm that answered them.
    champion: int
    canary: int


def log_evidence(steps: Sequence[Step]) -> float:
    """The logarithm of the evidence that the canary fails more often; above log(1 / alpha) it counts.

    Args:
        steps: the steps of one canary in order; those with another share are weighed with their own.
    """
    if not steps:
        return 0.0
    terms = [
        sum(_log_likelihood(step, ratio) for step in steps) + weight
        for ratio, weight in _ratios(steps[0].share)
    ]
    largest = max(terms)
    return largest + math.log(sum(math.exp(term - largest) for term in terms))


def _log_likelihood(step: Step, ratio: float) -> float:
    """Of a step's failures, with a canary that fails `ratio` times as often against one that fails alike."""
    odds = step.share * ratio + 1 - step.share
    return step.canary * math.log(ratio / odds) - step.champion * math.log(odds)


@cache
def _ratios(share: float) -> list[tuple[float, float]]:
    """Ratios of rates with the logarithms of their weights: what is seen of the first step, uniform.

    Any weights that were fixed before are valid. Midpoints of equal parts of the chance that a failing key
    is in the canary make both small and large ratios count.
    """
    chances = [share + (1 - share) * (point + 0.5) / POINTS for point in range(POINTS)]
    weight = -math.log(POINTS)
    return [(chance * (1 - share) / (share * (1 - chance)), weight) for chance in chances]
