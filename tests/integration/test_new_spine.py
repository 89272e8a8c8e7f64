"""New spines: what a label may be, and which rows the generated SQL gives."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
import yaml

from headgate.errors import UsageError
from headgate.postgres.connection import open_psycopg2
from headgate.scaffold.event_columns import EventColumns
from headgate.scaffold.spine import new_spine
from tests.macros import render
from tests.support import ROOT, Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)

EVENTS = """
    create schema if not exists typed;
    create table typed.stg_trial__records (
        record_id text, buyer text, recorded_at timestamptz, total numeric, status text
    );
    insert into typed.stg_trial__records values
        ('a', 'x', '2026-03-01 10:00Z', 5, 'paid'),
        ('b', 'x', '2026-03-01 10:00Z', 1, 'open'),
        ('c', 'x', '2026-03-02 10:00Z', 7, 'paid'),
        ('d', 'x', '2026-03-02 10:01Z', 9, 'open'),
        ('e', null, '2026-03-02 11:00Z', 2, 'paid'),
        ('f', 'y', '2026-03-09 10:00Z', 3, 'paid')
"""


@pytest.fixture(scope="module")
def events(module_database: Database) -> Iterator[EventColumns]:
    """A typed relation with six events, one of nobody."""
    module_database.query(EVENTS)
    with contextlib.closing(open_psycopg2(module_database.dsn)) as connection:
        yield EventColumns(connection, ROOT, "stg_trial__records")


def labelled(database: Database, events: EventColumns, **given: Any) -> list[tuple[Any, ...]]:
    """The rows of a spine, by its generated SQL."""
    files = new_spine(ROOT, "trial_spine", events, keys=["customer=buyer"], at="recorded_at", **given)
    sql = render(
        files.texts["models/training/trial_spine.sql"],
        ref=lambda name: f"typed.{name}",
        config=lambda **_: "",
    )
    model = yaml.safe_load(files.texts["models/training/trial_spine.yml"])["models"][0]
    found = described(database, sql)
    assert {column["name"]: column["data_type"] for column in model["columns"]} == found
    return sorted(database.query(sql))


def described(database: Database, sql: str) -> dict[str, str]:
    """The columns of a query and their types."""
    with contextlib.closing(psycopg2.connect(database.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        columns = list(cursor.description or ())
        types = {}
        for column in columns:
            cursor.execute("select format_type(%s, null)", [column.type_code])
            types[column.name] = str((cursor.fetchone() or [""])[0])
    return types


def at(day: int, hour: int = 10, minute: int = 0) -> datetime:
    """An instant of the trial's March."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_label_is_about_what_comes_within_the_horizon(
    module_database: Database, events: EventColumns
) -> None:
    """Neither the event itself nor one at its instant counts, one at the horizon's end does."""
    rows = labelled(module_database, events, label="spent=coalesce(sum(total), 0)", horizon="1d")

    assert rows == [("x", at(1), 7), ("x", at(2), 9), ("x", at(2, 10, 1), 0)]


def test_condition_chooses_instants_and_not_what_is_labelled(
    module_database: Database, events: EventColumns
) -> None:
    """An order that is no instant counts in the label of an earlier one."""
    rows = labelled(
        module_database, events, label="again=count(*) > 0", horizon="12h", where="status = 'paid'"
    )

    assert rows == [("x", at(1), False), ("x", at(2), True)]


def test_label_without_horizon_is_of_the_event_itself(
    module_database: Database, events: EventColumns
) -> None:
    """One row an event; that of nobody has none."""
    rows = labelled(module_database, events, label="is_paid=status = 'paid'", where="total > 1")

    assert rows == [("x", at(1), True), ("x", at(2), True), ("x", at(2, 10, 1), False), ("y", at(9), True)]


def test_words_of_sql_are_no_names(events: EventColumns) -> None:
    """A spine called returning was written, and its build ended with a syntax error."""
    with pytest.raises(UsageError, match="call it returning_rows"):
        new_spine(ROOT, "returning", events, keys=["buyer"], at="recorded_at", label="status=status")


@pytest.mark.parametrize("horizon", ["12h", None])
def test_inputs_are_of_the_event_itself(
    module_database: Database, events: EventColumns, horizon: str | None
) -> None:
    """With inputs each event is a row, also two at one instant; label and instants are as without."""
    label = "again=count(*) > 0" if horizon else "is_paid=status = 'paid'"
    rows = labelled(
        module_database,
        events,
        label=label,
        horizon=horizon,
        inputs=["total", "cents=(total * 100)::bigint"],
        where="recorded_at < '2026-03-02 12:00Z'",
    )

    known = [("x", at(1), 1, 100), ("x", at(1), 5, 500), ("x", at(2), 7, 700), ("x", at(2, 10, 1), 9, 900)]
    labels = (False, False, True, False) if horizon else (False, True, True, False)
    assert rows == [(*row, label) for row, label in zip(known, labels, strict=True)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label": "count(*) > 0"}, "NAME=SQL"),
        ({"label": "again=total > 1", "horizon": "1d"}, "must appear in the GROUP BY clause"),
        ({"label": "again=count(*) > 0"}, "aggregate functions are not allowed"),
        ({"label": "again=count(*) > 0", "horizon": "soon"}, "such as 12h or 30d"),
        ({"label": "recorded_at=count(*)", "horizon": "1d"}, "different names"),
        ({"label": "again=count(*)", "horizon": "1d", "where": "total"}, "a condition"),
        ({"label": "again=count(*)", "horizon": "1d", "keys": ["owner"]}, "a column of stg_trial__records"),
        ({"label": "again=count(*)", "horizon": "1d", "at": "total"}, "timestamp with time zone"),
        ({"label": "again=count(*)", "horizon": "1d", "inputs": ["price"]}, "a column of stg_trial__records"),
        (
            {"label": "again=count(*)", "horizon": "1d", "inputs": ["n=count(*)"]},
            "aggregate functions are not",
        ),
        ({"label": "total=sum(total)", "horizon": "1d", "inputs": ["total"]}, "different names"),
        ({"label": "order=total > 1"}, "call it order_value"),
        ({"label": "ctid=total > 1"}, "call it ctid_value"),
        ({"label": "again=total > 1", "inputs": ["user=total"]}, "call it user_value"),
        ({"label": "again=total > 1", "keys": ["a b=buyer"]}, "call it a_b_value"),
        ({"label": "again=total > 1", "keys": ["end=buyer"]}, "call it end_value"),
        ({"label": "again=total > 1", "keys": ["buyer", "buyer"]}, "different names"),
    ],
)
def test_wrong_labels_are_refused(events: EventColumns, given: dict[str, Any], said: str) -> None:
    """What is no label, horizon, condition or column is refused with what would be."""
    options = {"keys": ["buyer"], "at": "recorded_at", **given}
    with pytest.raises(UsageError) as refused:
        new_spine(ROOT, "trial_spine", events, **options)

    assert said in str(refused.value)
