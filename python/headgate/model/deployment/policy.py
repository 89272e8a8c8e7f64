"""What a model declares of its deployments: how its canaries are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from headgate.durations import duration
from headgate.errors import UsageError

#: No number of a policy is larger; seconds of it are a span that dates can be reckoned with.
MOST = 1e10


@dataclass(frozen=True, kw_only=True)
class CanaryPolicy:
    """How a model's canaries are judged."""

    #: Share of the keys that a canary answers unless told otherwise.
    share: float = 0.1
    #: Keys that the challenger has to have answered before it can be called as good.
    smallest_traffic: int = 500
    #: How long a canary may run.
    deadline: timedelta = timedelta(days=7)
    #: Chance that a challenger which is no worse is ever called worse.
    alpha: float = 0.05
    #: How much larger the challenger's mean loss may be (Brier score, squared error) to be as good.
    margin: float = 0.02
    #: How much larger its share of failures may be to be as good.
    error_margin: float = 0.01
    #: Largest difference of two losses; larger ones count as this.
    largest_loss: float = 1.0
    #: How long after its spine's instant a prediction may be made and still have its label.
    label_tolerance: timedelta = timedelta(hours=1)
    #: Whether a challenger that is as good becomes champion by itself.
    promote: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The policy for programs."""
        return {
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in self.__dict__.items()
        }


def canary_policy(options: Mapping[str, Any]) -> CanaryPolicy:
    """What a package's options say of canaries, and defaults for what they do not say.

    Raises:
        UsageError: a key or a value is none that a canary has.
    """
    declared = dict(options.get("canary") or {})
    types = {field.name: type(field.default) for field in fields(CanaryPolicy)}
    return CanaryPolicy(**{name: _value(name, value, types) for name, value in declared.items()})


#: Which values make sense, and how that is said: the tests divide by some, and take logarithms of others.
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "share": (lambda value: 0 <= value <= 1, "a share from 0 to 1"),
    "smallest_traffic": (lambda value: value >= 1, "a whole number of keys, 1 or more"),
    "deadline": (lambda value: value > 0, "a span of time such as 7d"),
    "alpha": (lambda value: 0 < value < 1, "a chance between 0 and 1, such as 0.05"),
    "margin": (lambda value: value > 0, "a number above 0, such as 0.02"),
    "error_margin": (lambda value: 0 < value <= 1, "a share above 0, such as 0.01"),
    "largest_loss": (lambda value: value > 0, "a number above 0, such as 1"),
    "label_tolerance": (lambda value: value >= 0, "a span of time such as 1h"),
    "promote": (lambda value: True, "true or false"),
}


def _value(name: str, value: Any, types: Mapping[str, type]) -> Any:
    kind = types.get(name)
    found = _typed(value, kind) if kind else None
    if found is not None and _RANGES[name][0](found.total_seconds() if kind is timedelta else found):
        return found
    raise UsageError(
        f"canary.{name} of a model's declaration",
        expected=_RANGES[name][1] if kind else f"one of {', '.join(types)}",
        found=repr(value) if kind else name,
        next_step="correct it and train again",
    )


def _typed(value: Any, kind: type) -> Any:
    """The value as the type that is asked for, spans of time also of seconds; None where it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not (abs(value) < MOST and math.isfinite(value)):
        return None
    if kind is timedelta:
        return timedelta(seconds=value) if is_number else duration(value)
    if kind is bool:
        return value if isinstance(value, bool) else None
    return value if is_number and isinstance(value, (int, float) if kind is float else kind) else None
