"""Measures and windows as they are given on the command line."""

from __future__ import annotations

import pytest

from headgate.errors import UsageError
from headgate.scaffold.measures import (
    RESERVED,
    Measure,
    parse_expression,
    parse_measure,
    parse_windows,
    require_distinct_columns,
    require_lasting,
)
from headgate.scaffold.view_events import parse_events


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("orders=count", Measure("orders", ("count",), None, None)),
        ("paid=count where status = 'paid'", Measure("paid", ("count",), None, "status = 'paid'")),
        ("total = sum, mean : amount", Measure("total", ("sum", "mean"), "amount", None)),
        ("skus=count_distinct:sku", Measure("skus", ("count_distinct",), "sku", None)),
        ("late=p95:a - b where a > b", Measure("late", ("p95",), "a - b", "a > b")),
        ("cast=max:amount::numeric", Measure("cast", ("max",), "amount::numeric", None)),
        ("idle=seconds_since_last", Measure("idle", ("seconds_since_last",), None, None)),
        ("refunds.back=sum:amount", Measure("back", ("sum",), "amount", None, "refunds")),
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
        require_distinct_columns([parse_measure("b=count")], windows, ["b_count_1d"])
    with pytest.raises(UsageError, match="different names"):
        require_distinct_columns([parse_measure("b=count"), parse_measure("b=sum:x")], windows)
    with pytest.raises(UsageError, match="63"):
        require_distinct_columns([parse_measure(f"{'b' * 40}=seconds_since_last")], {"lifetime": None})
    with pytest.raises(UsageError, match="40"):
        require_distinct_columns([parse_measure(f"{'b' * 41}=count")], windows)
    with pytest.raises(UsageError, match="63"):
        require_distinct_columns([parse_measure("b=count")], windows, ["é" * 32])


@pytest.mark.parametrize("name", ["as_of", "range_start", "event_at", "source", "member", "instant"])
def test_names_of_the_sql_are_refused(name: str) -> None:
    """A key or expression is not called as a column that every view has for itself."""
    with pytest.raises(UsageError, match=f"no column called {name}"):
        require_distinct_columns([parse_measure("b=count")], {"1d": 86_400}, [name])
    measures = [parse_measure("b=count")]
    if name in RESERVED:
        with pytest.raises(UsageError, match=name):
            require_distinct_columns(measures, {"1d": 86_400}, [], [name])
    else:
        require_distinct_columns(measures, {"1d": 86_400}, [], [name])


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("note = user", "user"),
        ("note = current_role", "current_role"),
        ("at > date 'today'", "date 'today'"),
        ("at > ' NOW '::timestamptz", "' NOW '::time"),
        ("at > cast('yesterday' as timestamptz)", "'yesterday' as time"),
        ("age(at)", "age(at)"),
        ("extract(day from AGE ((at)))", "AGE ((at))"),
        ("age(date(at))", "age(date(at))"),
        ("age(date_trunc('day', at), other)", None),
        ("date('now')", "date('now'"),
        ("current_setting('TimeZone')", "current_setting"),
        ("txid_current() > id", "txid_current"),
        ("mileage(at)", None),
        ("\"user\" = 'now' or events.user is null or age(at, other) > '1 day' or user_id = 'user'", None),
    ],
)
def test_what_changes_by_itself_is_not_measured(sql: str, found: str | None) -> None:
    """Who asks and when has no part in a value; columns and texts of such names have."""
    if found is None:
        require_lasting("--measure", sql)
        return
    with pytest.raises(UsageError) as refused:
        require_lasting("--measure", sql)
    assert refused.value.found == found


def test_expressions_are_read() -> None:
    """Name and SQL; the first equals sign parts them."""
    assert parse_expression("a = b_count_7d = 1") == ("a", "b_count_7d = 1")
    with pytest.raises(UsageError, match="for instance"):
        parse_expression("B=1")


@pytest.mark.parametrize(
    ("texts", "events"),
    [
        (["stg_shop__records"], {"shop": "stg_shop__records"}),
        (["stg_shop__orders"], {"orders": "stg_shop__orders"}),
        (
            ["sold = stg_shop__orders", "back=stg_shop__refunds"],
            {"sold": "stg_shop__orders", "back": "stg_shop__refunds"},
        ),
        (["a=stg_shop__orders", "b=stg_shop__orders"], {"a": "stg_shop__orders", "b": "stg_shop__orders"}),
    ],
)
def test_events_have_names(texts: list[str], events: dict[str, str]) -> None:
    """Their own, or that of source or model."""
    assert parse_events(texts) == events


@pytest.mark.parametrize(
    "texts", [["a=x", "a=y"], ["A=x"], ["=x"], ["a-b=x"], ["stg_a__records", "stg_a__records"]]
)
def test_other_names_of_events_are_refused(texts: list[str]) -> None:
    """Two alike, or one that SQL does not take as it is."""
    with pytest.raises(UsageError, match="different names"):
        parse_events(texts)
