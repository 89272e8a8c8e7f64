"""What a model's value comes to: a number, an answer in words, chances of classes, a cost.

One definition for batch scores, bundles and evaluation; a server hands on the value itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Option of a package: the classes of a multiclass model as texts, in the order of its scores.
CLASSES = "classes"
#: Keys of a custom model's value, where it is an object.
TEXT, COST = "text", "cost"


@dataclass(frozen=True)
class Output:
    """What there is of these, by task; the rest is None."""

    #: The score; of several classes that of the likeliest.
    score: float | None = None
    #: The likeliest class, or what a custom model says.
    answer: str | None = None
    probabilities: Mapping[str, float] | None = None
    #: What a custom model says that the answer has cost.
    cost: float | None = None

    def told(self) -> dict[str, Any]:
        """What there is, for an answer."""
        return {name: value for name, value in self.__dict__.items() if value is not None}


def output(task: str, options: Mapping[str, Any], value: Any) -> Output:
    """The parts of a predictor's value.

    Args:
        task: of the model.
        options: of its package.
        value: what the predictor gave; None where it failed.
    """
    if value is None:
        return Output()
    if task == "custom":
        return _custom(value)
    if task == "multiclass":
        named = dict(zip(_classes(options, len(value)), value, strict=True))
        likeliest = max(named, key=named.__getitem__)
        return Output(score=named[likeliest], answer=likeliest, probabilities=named)
    return Output(score=value)


def _classes(options: Mapping[str, Any], count: int) -> list[str]:
    """The classes' names; of a model that was made without them, their places."""
    return options.get(CLASSES) or [str(place) for place in range(count)]


def _custom(value: Any) -> Output:
    if _is_number(value):
        return Output(score=value)
    if isinstance(value, dict) and TEXT in value:
        cost = value.get(COST)
        return Output(answer=_text(value[TEXT]), cost=cost if _is_number(cost) else None)
    return Output(answer=_text(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
