"""Whether a feature, or the score, is distributed as in training: by size, and by chance.

The population stability index of n and m values over B bins, times n * m / (n + m), is distributed as
chi-square with B - 1 degrees of freedom where both come from one distribution (Yurdakul & Naranjo 2020). Many
features are looked at, so chances are corrected (Benjamini & Hochberg). An alarm needs both: a drift that
chance does not explain, and one that is large enough to matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.model.monitoring.policy import AlarmPolicy

#: Fewest values of a bin that is looked at by itself, expected in the smaller sample; others are pooled.
FEWEST = 5


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How far a feature lies from its reference."""

    feature: str
    rows: int
    psi: float
    p_value: float
    #: Corrected for the number of features that were looked at.
    q_value: float
    is_alarm: bool

    def as_dict(self) -> dict[str, Any]:
        """It for programs."""
        return dict(self.__dict__)


def judged(pairs: Mapping[str, tuple[Sequence[int], Sequence[int]]], policy: AlarmPolicy) -> list[Drift]:
    """The drift of each feature, largest first; `pairs` holds counts by bin, of training and of now."""
    compared = {name: compare(*pair) for name, pair in pairs.items() if sum(pair[0]) and sum(pair[1])}
    corrected = adjusted([p_value for _, p_value in compared.values()])
    found = [
        Drift(
            feature=name,
            rows=sum(pairs[name][1]),
            psi=psi,
            p_value=p_value,
            q_value=q_value,
            is_alarm=q_value <= policy.drift_alpha and psi >= policy.drift_size,
        )
        for (name, (psi, p_value)), q_value in zip(compared.items(), corrected, strict=True)
    ]
    return sorted(found, key=lambda drift: -drift.psi)


def compare(reference: Sequence[int], now: Sequence[int]) -> tuple[float, float]:
    """The population stability index, and the chance of one as large without any drift."""
    from scipy.special import chdtrc

    pairs = _pooled(reference, now)
    if len(pairs) < 2:
        return 0.0, 1.0
    # Half a value more in each bin keeps an empty one finite.
    bins = len(pairs)
    n, m = (sum(pair[side] for pair in pairs) for side in (0, 1))
    shares = [((old + 0.5) / (n + bins / 2), (new + 0.5) / (m + bins / 2)) for old, new in pairs]
    psi = sum((new - old) * math.log(new / old) for old, new in shares)
    return psi, float(chdtrc(bins - 1, psi * n * m / (n + m)))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for the number of them, in their order."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place], reverse=True)
    found, smallest = [1.0] * len(p_values), 1.0
    for rank, place in zip(range(len(p_values), 0, -1), order, strict=True):
        smallest = min(smallest, p_values[place] * len(p_values) / rank)
        found[place] = smallest
    return found


def _pooled(reference: Sequence[int], now: Sequence[int]) -> list[tuple[int, int]]:
    """Bins as pairs; those too rare for a chi-square together as one."""
    n, m = sum(reference), sum(now)
    smaller = min(n, m)
    kept, rest = [], [0, 0]
    for old, new in zip(reference, now, strict=True):
        if smaller * (old + new) >= FEWEST * (n + m):
            kept.append((old, new))
        else:
            rest = [rest[0] + old, rest[1] + new]
    return [*kept, (rest[0], rest[1])] if any(rest) else kept
