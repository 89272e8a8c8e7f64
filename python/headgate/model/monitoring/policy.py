"""What a model declares of its alarms (`alerts`), with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from headgate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class AlarmPolicy:
    """From where on a figure is an alarm; None means never."""

    #: Share of failed answers.
    largest_error_rate: float | None = 0.01
    #: Seconds that 95 % of the answers take at most.
    largest_p95_seconds: float | None = None
    #: Fewest answers of a day.
    smallest_volume: int | None = None
    #: Chance that a day without any drift is an alarm, over all features together.
    drift_alpha: float = 0.01
    #: Population stability index below which a drift is too small to matter.
    drift_size: float = 0.1
    #: Age of served features, in seconds, that 95 % of the answers have at most.
    largest_p95_staleness_seconds: float | None = None
    #: Largest mean loss (Brier score, squared error) of labelled answers, by its lower bound.
    largest_loss: float | None = None
    #: What an hour of answering costs, in a currency of one's own.
    cost_per_hour: float | None = None


def alarm_policy(options: Mapping[str, Any]) -> AlarmPolicy:
    """What a package's options say of alarms, and defaults for the rest.

    Raises:
        UsageError: a key or a value is none that alarms have.
    """
    declared = dict(options.get("alerts") or {})
    known = [field.name for field in fields(AlarmPolicy)]
    for name, value in declared.items():
        if name not in known or not (value is None or isinstance(value, int | float)):
            raise UsageError(
                f"alerts.{name} of a model's declaration",
                expected="a number" if name in known else f"one of {', '.join(known)}",
                found=repr(value) if name in known else name,
                next_step="correct it and train again",
            )
    return AlarmPolicy(**declared)
