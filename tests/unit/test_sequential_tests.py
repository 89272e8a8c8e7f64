"""The sequential tests of canaries: how often they err, how soon they find, exact to what theory says."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import accumulate

import numpy as np
import pytest
from scipy import special

from headgate.model.deployment.policy import CanaryPolicy
from headgate.model.deployment.statistics.means import Sequence, interval
from headgate.model.deployment.statistics.rates import Step, log_evidence
from headgate.model.deployment.verdict import (
    AS_GOOD,
    PARTS,
    TOO_LITTLE,
    UNDECIDED,
    WORSE,
    Evidence,
    judge,
)

POLICY = CanaryPolicy()
DAY = timedelta(days=1)


def log_closed_form(champion: int, canary: int, share: float) -> float:
    """The evidence of one step, integrated without a grid."""
    return float(
        special.betaln(canary + 1, champion + 1)
        + np.log(special.betaincc(canary + 1, champion + 1, share))
        - math.log(1 - share)
        - canary * math.log(share)
        - champion * math.log(1 - share)
    )


def first_alarm(rates: tuple[float, float], share: float, requests: int, seed: int) -> int | None:
    """The request at which a simulated canary is called worse by its failures, looked at after each one."""
    random = np.random.default_rng(seed)
    in_canary = random.random(requests) < share
    failed = random.random(requests) < np.where(in_canary, rates[1], rates[0])
    places = np.flatnonzero(failed)
    for place, canary, all_failures in zip(
        places, accumulate(in_canary[places].astype(int)), range(1, len(places) + 1), strict=True
    ):
        if log_closed_form(all_failures - canary, canary, share) >= -math.log(POLICY.alpha * PARTS["errors"]):
            return int(place) + 1
    return None


@pytest.mark.parametrize(
    ("champion", "canary", "share"), [(0, 3, 0.1), (40, 9, 0.1), (90, 30, 0.5), (7, 0, 0.2)]
)
def test_the_grid_gives_the_exact_integral(champion: int, canary: int, share: float) -> None:
    """Averaging over 256 ratios is integrating over all."""
    found = log_evidence([Step(share=share, champion=champion, canary=canary)])
    assert found == pytest.approx(log_closed_form(champion, canary, share), abs=0.02)


def test_steps_of_a_changing_share_count_each_with_its_own() -> None:
    """A step cut in two is the step; without failures there is no evidence; more of the canary's is more."""
    whole = log_evidence([Step(share=0.1, champion=20, canary=6)])
    halves = [Step(share=0.1, champion=15, canary=2), Step(share=0.1, champion=5, canary=4)]
    assert log_evidence(halves) == pytest.approx(whole)
    assert log_evidence([]) == log_evidence([Step(share=0.1, champion=0, canary=0)]) == pytest.approx(0)
    moved = [Step(share=0.1, champion=9, canary=1), Step(share=0.5, champion=5, canary=5)]
    assert log_evidence(moved) < 0 < log_evidence([*moved, Step(share=0.5, champion=2, canary=20)])


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_healthy_canaries_alarm_at_most_as_often_as_declared(share: float) -> None:
    """1,000 simulated canaries that fail as often as the champion, looked at after each failure."""
    alarms = sum(first_alarm((0.01, 0.01), share, 10_000, seed) is not None for seed in range(1000))
    assert alarms <= 1000 * POLICY.alpha


def test_five_times_the_errors_are_found_soon() -> None:
    """1 % to 5 % errors at a share of 10 %: half of the canaries are stopped within 1,500 requests."""
    found = [first_alarm((0.01, 0.05), 0.1, 20_000, seed) for seed in range(300)]
    assert None not in found
    assert np.median(np.array(found, dtype=float)) <= 1500


@pytest.mark.parametrize("kind", ["narrow", "coin", "skewed"])
def test_a_mean_leaves_its_bounds_at_most_as_often_as_declared(kind: str) -> None:
    """200 sequences, looked at after each of 500 values; both bounds together err at 10 % at most."""
    random = np.random.default_rng(7)
    values = {
        "narrow": lambda: random.normal(0.1, 0.05, 500).clip(-1, 1),
        "coin": lambda: np.where(random.random(500) < 0.55, 1.0, -1.0),
        "skewed": lambda: np.where(random.random(500) < 0.05, 1.0, 0.05263158),
    }[kind]
    misses = 0
    for _ in range(200):
        state = Sequence(0.05)
        for value in values():
            state.add(float(value))
        misses += not state.low <= 0.1 <= state.high
    assert misses <= 20


def test_a_worse_loss_is_found_and_a_like_one_is_proven() -> None:
    """Losses larger by 0.125 are found within 400 labels; a like model is as good after enough of them."""
    random = np.random.default_rng(3)
    worse = interval((0.125 + random.normal(0, 0.2, 400)).clip(-1, 1), 0.0125)
    like = interval(random.normal(0, 0.05, 3000), 0.0125)
    assert worse.low > 0
    assert like.high < 0.02


def test_the_four_verdicts() -> None:
    """Worse at any time, as good by bounds, undecided before the deadline, too little traffic at it."""
    healthy = Evidence(
        keys=9000, canary_keys=900, paired_keys=9000, failures=[0.0] * 9000, losses=[0.0] * 3000
    )
    assert judge(healthy, POLICY, DAY, 0.1).verdict == AS_GOOD
    few = Evidence(keys=100, canary_keys=9, paired_keys=100, failures=[0.0] * 100)
    assert judge(few, POLICY, DAY, 0.1).verdict == UNDECIDED
    late = judge(few, POLICY, POLICY.deadline, 0.1)
    assert (late.verdict, late.reasons) == (
        TOO_LITTLE,
        ["9 keys of the challenger, the smallest traffic is 500"],
    )
    failing = Evidence(keys=100, canary_keys=20, errors=[Step(share=0.1, champion=2, canary=12)])
    assert judge(failing, POLICY, timedelta(), 0.1).verdict == WORSE
    slow = Evidence(keys=100, canary_keys=20, slow=[Step(share=0.1, champion=3, canary=14)])
    assert judge(slow, POLICY, timedelta(), 0.1).reasons[0].startswith("slow keys: 14 of the challenger, 3")
    poor = Evidence(keys=900, canary_keys=90, paired_keys=900, losses=[0.3, 0.2] * 100)
    assert judge(poor, POLICY, timedelta(), 0.0).verdict == WORSE


def test_as_good_takes_labels_where_labels_are_to_be_expected() -> None:
    """No alarm is no proof: without labels a model that has some is undecided, one that has none is not."""
    unlabelled = {"keys": 9000, "canary_keys": 900, "paired_keys": 9000, "failures": [0.0] * 9000}
    assert judge(Evidence(**unlabelled), POLICY, DAY, 0.1).verdict == UNDECIDED
    assert judge(Evidence(**unlabelled, has_labels=False), POLICY, DAY, 0.1).verdict == AS_GOOD
