"""Drift by size and by chance: quiet days stay quiet, what moved is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from headgate.errors import UsageError
from headgate.model.monitoring.drift import adjusted, compare, judged
from headgate.model.monitoring.policy import AlarmPolicy, alarm_policy

SHARES = np.array([0.1] * 10)


def drawn(random: Any, rows: int, shares: Any = SHARES) -> list[int]:
    """Counts by bin of so many values."""
    return [int(count) for count in random.multinomial(rows, shares)]


@pytest.mark.parametrize("rows", [200, 5000])
def test_quiet_days_alarm_at_most_as_often_as_declared(rows: int) -> None:
    """200 days of 20 features without drift, whatever the size of a drift is worth."""
    random = np.random.default_rng(5)
    policy = AlarmPolicy(drift_alpha=0.05, drift_size=0.0)
    quiet = alarms = 0
    for _ in range(200):
        pairs = {str(place): (drawn(random, 5000), drawn(random, rows)) for place in range(20)}
        alarms += any(found.is_alarm for found in judged(pairs, policy))
        quiet += any(found.is_alarm for found in judged(pairs, AlarmPolicy()))
    assert alarms <= 200 * 0.05 + 7
    assert quiet <= 200 * 0.01


def test_an_injected_drift_is_found_and_named_first() -> None:
    """One feature of twenty moves; a drift that is certain and tiny is no alarm."""
    random = np.random.default_rng(6)
    moved = SHARES + np.linspace(-0.09, 0.09, 10)
    pairs = {str(place): (drawn(random, 5000), drawn(random, 1000)) for place in range(19)}
    pairs["moved"] = (drawn(random, 5000), drawn(random, 1000, moved))
    found = judged(pairs, AlarmPolicy())
    assert [drift.feature for drift in found if drift.is_alarm] == ["moved"] == [found[0].feature]
    tiny = {"tiny": ([100_000] * 10, [103_000, 97_000] * 5)}
    [drift] = judged(tiny, AlarmPolicy())
    assert drift.q_value < 1e-6
    assert not drift.is_alarm


def test_what_was_never_seen_is_drift_and_finite() -> None:
    """A new category, and values that vanished, have a size; nothing to compare is none."""
    psi, p_value = compare([500, 500, 0], [100, 100, 200])
    assert 1 < psi < 10
    assert p_value < 1e-6
    assert compare([500, 0], [100, 0]) == (0.0, 1.0)
    assert judged({"empty": ([1, 2], [0, 0])}, AlarmPolicy()) == []


def test_corrected_p_values_are_those_of_scipy() -> None:
    """Benjamini & Hochberg."""
    values = [0.01, 0.5, 0.02, 0.9, 0.011]
    assert adjusted(values) == pytest.approx(list(stats.false_discovery_control(values)))


def test_alarms_are_declared_with_known_keys() -> None:
    """A misspelt key says which there are."""
    assert alarm_policy({"alerts": {"largest_error_rate": 0.2}}).largest_error_rate == 0.2
    with pytest.raises(UsageError, match="largest_error_rate"):
        alarm_policy({"alerts": {"error_rate": 0.2}})
