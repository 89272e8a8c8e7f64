"""What a canary's evidence says of it: worse, as good, undecided, or too little traffic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from headgate.model.deployment.policy import CanaryPolicy
from headgate.model.deployment.statistics.means import Interval, interval
from headgate.model.deployment.statistics.rates import Step, log_evidence

WORSE, AS_GOOD, UNDECIDED, TOO_LITTLE = "worse", "as good", "undecided", "too little traffic"
#: What each test that may call a challenger worse has of the false alarms that the policy allows.
#: Errors have most, because they are to be found soonest.
PARTS = {"errors": 1 / 2, "slow": 1 / 6, "failures": 1 / 6, "losses": 1 / 6}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a challenger beside its champion; the unit is the key, not the request."""

    #: Keys that either version answered, that the challenger answered, and that it scored at all.
    keys: int = 0
    canary_keys: int = 0
    paired_keys: int = 0
    errors: Sequence[Step] = ()
    #: Keys whose answer took longer than the champion's p95 before the canary.
    slow: Sequence[Step] = ()
    #: By key, in order of time: 1 where only the challenger failed, -1 where only the champion did, else 0.
    failures: Sequence[float] = ()
    #: By labelled key, in order of its label: the challenger's loss less the champion's.
    losses: Sequence[float] = ()
    #: Whether labels are to be expected; without them a model is as good by its failures alone.
    has_labels: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What follows from the evidence, with its figures."""

    verdict: str
    reasons: list[str]
    figures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The verdict for programs (`--json`)."""
        return dict(self.__dict__)


def judge(evidence: Evidence, policy: CanaryPolicy, age: timedelta, share: float) -> Verdict:
    """The verdict on a challenger that has run for `age` and answers `share` of the keys.

    Worse is decided before all else, and at any time. As good needs the smallest traffic, and bounds of both
    differences below their margins, which is a test of its own: no alarm is no proof.
    """
    failures = interval(evidence.failures, policy.alpha * PARTS["failures"])
    bound = policy.largest_loss
    losses = interval(
        (_clipped(loss, bound) / bound for loss in evidence.losses), policy.alpha * PARTS["losses"]
    )
    figures = _figures(evidence, failures, losses, policy)
    if worse := _worse(evidence, failures, losses, policy):
        return Verdict(verdict=WORSE, reasons=worse, figures=figures)
    traffic = evidence.canary_keys if share else evidence.paired_keys
    missing = [] if traffic >= policy.smallest_traffic else [_traffic(traffic, policy)]
    if missing and age >= policy.deadline:
        return Verdict(verdict=TOO_LITTLE, reasons=missing, figures=figures)
    unproven = missing + _unproven(evidence, failures, losses, policy)
    if unproven:
        return Verdict(verdict=UNDECIDED, reasons=unproven, figures=figures)
    return Verdict(verdict=AS_GOOD, reasons=_proof(evidence, failures, losses, policy), figures=figures)


def _worse(evidence: Evidence, failures: Interval, losses: Interval, policy: CanaryPolicy) -> list[str]:
    found = []
    for name, test in (("failed", "errors"), ("slow", "slow")):
        steps, threshold = getattr(evidence, test), 1 / (policy.alpha * PARTS[test])
        if log_evidence(steps) >= math.log(threshold):
            canary, champion = _counts(steps)
            found.append(
                f"{name} keys: {canary} of the challenger, {champion} of the champion; "
                f"evidence {_power(log_evidence(steps))}, threshold {threshold:g}"
            )
    if failures.low > 0:
        found.append(f"it fails on {_span(failures, 1)} more of the keys that both scored")
    if losses.low > 0:
        found.append(f"its loss is larger by {_span(losses, policy.largest_loss)}")
    return found


def _unproven(evidence: Evidence, failures: Interval, losses: Interval, policy: CanaryPolicy) -> list[str]:
    found = []
    if failures.high >= policy.error_margin:
        found.append(f"share of failures differs by {_span(failures, 1)}, margin {policy.error_margin:g}")
    if evidence.has_labels and losses.high * policy.largest_loss >= policy.margin:
        found.append(f"loss differs by {_span(losses, policy.largest_loss)}, margin {policy.margin:g}")
    return found


def _proof(evidence: Evidence, failures: Interval, losses: Interval, policy: CanaryPolicy) -> list[str]:
    found = [f"share of failures differs by {_span(failures, 1)}, below margin {policy.error_margin:g}"]
    if evidence.has_labels:
        found.append(f"loss differs by {_span(losses, policy.largest_loss)}, below margin {policy.margin:g}")
    return found


def _figures(
    evidence: Evidence, failures: Interval, losses: Interval, policy: CanaryPolicy
) -> dict[str, Any]:
    steps = {"errors": evidence.errors, "slow": evidence.slow}
    rates = {
        name: dict(zip(("challenger", "champion"), _counts(found), strict=True))
        | {"log_evidence": log_evidence(found), "log_threshold": -math.log(policy.alpha * PARTS[name])}
        for name, found in steps.items()
    }
    keys = {name: getattr(evidence, name) for name in ("keys", "canary_keys", "paired_keys")}
    differences = {"failure_difference": failures.as_dict(), "loss_difference": losses.as_dict()}
    return {**keys, **rates, **differences}


def _counts(steps: Sequence[Step]) -> tuple[int, int]:
    return sum(step.canary for step in steps), sum(step.champion for step in steps)


def _traffic(keys: int, policy: CanaryPolicy) -> str:
    return f"{keys} keys of the challenger, the smallest traffic is {policy.smallest_traffic}"


def _span(found: Interval, scale: float) -> str:
    mean = "none" if found.mean is None else f"{found.mean * scale:.4f}"
    return f"{mean} [{found.low * scale:.4f}, {found.high * scale:.4f}] ({found.count} keys)"


def _power(logarithm: float) -> str:
    return f"{math.exp(min(logarithm, 60)):.3g}"


def _clipped(value: float, bound: float) -> float:
    return max(-bound, min(bound, value))
