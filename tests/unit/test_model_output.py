"""What a model's value comes to, by task."""

from __future__ import annotations

import pytest

from headgate.model.output import Output, output


@pytest.mark.parametrize(
    ("task", "options", "value", "expected"),
    [
        ("binary", {}, 0.25, Output(score=0.25)),
        ("regression", {}, -3, Output(score=-3)),
        (
            "multiclass",
            {"classes": ["blue", "red"]},
            [0.25, 0.75],
            Output(score=0.75, answer="red", probabilities={"blue": 0.25, "red": 0.75}),
        ),
        ("multiclass", {}, [0.6, 0.4], Output(score=0.6, answer="0", probabilities={"0": 0.6, "1": 0.4})),
        ("custom", {}, "yes", Output(answer="yes")),
        ("custom", {}, 0.5, Output(score=0.5)),
        ("custom", {}, True, Output(answer="true")),
        ("custom", {}, {"text": "yes", "cost": 0.5}, Output(answer="yes", cost=0.5)),
        ("custom", {}, {"text": "yes", "cost": "much"}, Output(answer="yes")),
        ("custom", {}, ["a", 1], Output(answer='["a", 1]')),
        ("multiclass", {"classes": ["a"]}, None, Output()),
    ],
)
def test_parts_follow_from_the_task(
    task: str, options: dict[str, object], value: object, expected: Output
) -> None:
    """Numbers stay numbers, classes get their names, texts and costs of custom models are told apart."""
    assert output(task, options, value) == expected
