"""What a model declares of its deployments: how its canaries are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from headgate.durations import duration
from headgate.errors import UsageError


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


def _value(name: str, value: Any, types: Mapping[str, type]) -> Any:
    kind = types.get(name)
    if kind is timedelta:
        seconds = isinstance(value, int | float) and not isinstance(value, bool)
        found = timedelta(seconds=value) if seconds else duration(value)
        if found is not None:
            return found
    elif kind is not None and isinstance(value, (int, float) if kind is float else kind):
        return value
    expected = f"a value such as {getattr(CanaryPolicy, name)}" if kind else f"one of {', '.join(types)}"
    raise UsageError(
        f"canary.{name} of a model's declaration",
        expected="a span of time such as 7d" if kind is timedelta else expected,
        found=repr(value) if kind else name,
        next_step="correct it and train again",
    )
