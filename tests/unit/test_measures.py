"""Measures and windows as they are given on the command line."""

from __future__ import annotations

import pytest

from headgate.errors import UsageError
from headgate.scaffold.measures import Measure, parse_measure, parse_windows, require_distinct_columns


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("orders=count", Measure("orders", ("count",), None, None)),
        ("paid=count where status = 'paid'", Measure("paid", ("count",), None, "status = 'paid'")),
        ("total = sum, mean : amount", Measure("total", ("sum", "mean"), "amount", None)),
        ("skus=count_distinct:sku", Measure("skus", ("count_distinct",), "sku", None)),
        ("late=p95:a - b where a > b", Measure("late", ("p95",), "a - b", "a > b")),
        ("cast=max:amount::numeric", Measure("cast", ("max",), "amount::numeric", None)),
        ("where_from=last:where_from", Measure("where_from", ("last",), "where_from", None)),
    ],
)
def test_measures_are_read(text: str, measure: Measure) -> None:
    """Name, operations, what is measured, condition."""
    assert parse_measure(text) == measure


@pytest.mark.parametrize(
    "text", ["", "count", "total=", "Total=sum:a", "total=sum", "t=p0:a", "t=p100:a", "t=sum,sum:a", "t=sum:"]
)
def test_other_texts_are_refused(text: str) -> None:
    """The message has an example to go by."""
    with pytest.raises(UsageError, match="for instance"):
        parse_measure(text)


def test_windows_are_ordered() -> None:
    """By length, the lifetime last."""
    found = parse_windows(["lifetime", "7d", "90m", "1d"], "1m")

    assert found == {"90m": 5_400, "1d": 86_400, "7d": 604_800, "lifetime": None}
    assert list(found) == ["90m", "1d", "7d", "lifetime"]


@pytest.mark.parametrize(
    ("windows", "resolution"),
    [
        ([], "1h"),
        (["1h", "60m"], "1m"),
        (["30m"], "1h"),
        (["36h"], "1d"),
        (["366d"], "1h"),
        (["0h"], "1h"),
        (["1w"], "1h"),
        (["1d", "1d"], "1h"),
        (["lifetime", "lifetime"], "1h"),
        (["1h"], "7m"),
    ],
)
def test_other_windows_are_refused(windows: list[str], resolution: str) -> None:
    """What is no length, too long, no multiple of the resolution, or given twice."""
    with pytest.raises(UsageError):
        parse_windows(windows, resolution)


def test_columns_have_names_of_their_own() -> None:
    """Neither two alike nor one that PostgreSQL cuts off."""
    windows = {"1d": 86_400}
    require_distinct_columns([parse_measure("a=sum:x"), parse_measure("b=sum:x")], windows)
    with pytest.raises(UsageError, match="b_count_1d"):
        require_distinct_columns([parse_measure("b=count"), parse_measure("b=count where true")], windows)
    with pytest.raises(UsageError, match="63"):
        require_distinct_columns([parse_measure(f"{'b' * 56}=count")], windows)
