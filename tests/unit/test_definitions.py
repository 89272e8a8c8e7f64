"""Definitions are compared by meaning, and column by column down to what they read."""

from __future__ import annotations

import pytest

from headgate.definitions import Definition, Definitions
from headgate.definitions.slices import ALL, take_apart

ACTIVITY = """
    with events as (select * from typed.stg_events),
    summed as (
        select actor_id, date_trunc('hour', created_at) as hour,
            count(*) as events_count, count(*) filter (where kind = 'push') as pushes_count
        from events
        group by actor_id, date_trunc('hour', created_at)
    )
    select * from summed
"""
VIEW = """
    with activity as (select * from typed.int_activity),
    changes as (
        select actor_id, hour + interval '1 hour' as as_of, events_count, pushes_count from activity
        union all
        select actor_id, hour + interval '25 hours' as as_of, -events_count, -pushes_count from activity
    )
    select actor_id, as_of,
        sum(events_count) over running as events_count_24h,
        sum(pushes_count) over running as pushes_count_24h
    from changes
    window running as (partition by actor_id order by as_of)
"""


def definitions(view: str = VIEW, activity: str = ACTIVITY) -> Definitions:
    """A feature view over a model, both as given."""
    return Definitions(
        {
            "view": Definition("view", view, view, {}, {"int_activity": "int_activity"}, {}),
            "int_activity": Definition("int_activity", activity, activity, {}, {}, {}),
        }
    )


def differing(other: Definitions) -> set[str]:
    """The columns of the view that `other` computes in another way."""
    columns = ("actor_id", "as_of", "events_count_24h", "pushes_count_24h")
    return {
        column
        for column in columns
        if definitions().digest("view", [column]) != other.digest("view", [column])
    }


def test_layout_comments_case_and_needless_quotes_are_no_change() -> None:
    """What PostgreSQL reads alike is alike."""
    shouted = "-- as before\n" + VIEW.replace("select", "SELECT").replace("actor_id,", '"actor_id" ,')
    assert definitions(shouted).digest("view") == definitions().digest("view")
    assert differing(definitions(shouted)) == set()


def test_another_expression_redefines_the_columns_that_come_from_it() -> None:
    """And no other."""
    other = VIEW.replace("sum(pushes_count) over running", "2 * sum(pushes_count) over running")
    assert differing(definitions(other)) == {"pushes_count_24h"}
    assert differing(definitions(activity=ACTIVITY.replace("'push'", "'pull'"))) == {"pushes_count_24h"}


def test_an_added_column_redefines_nothing() -> None:
    """Neither in the view nor in what it reads."""
    activity = ACTIVITY.replace("count(*) as events_count", "count(*) as events_count, max(id) as last_id")
    view = VIEW.replace("pushes_count from", "pushes_count, last_id from").replace(
        "as pushes_count_24h", "as pushes_count_24h, max(last_id) over running as last_id"
    )
    other = definitions(view, activity)
    assert differing(other) == set()
    assert other.digest("view") != definitions().digest("view")


def test_what_decides_on_rows_redefines_every_column() -> None:
    """A filter, a join, a group."""
    other = ACTIVITY.replace("from events", "from events where actor_id > 0")
    assert len(differing(definitions(activity=other))) == 4


def test_a_union_is_cut_by_place() -> None:
    """The second branch has no names of its own."""
    assert "-events_count" in take_apart(VIEW).slice(["events_count_24h"])[0]
    assert "pushes" not in take_apart(VIEW).slice(["events_count_24h"])[0]


@pytest.mark.parametrize(
    "sql",
    [
        "select distinct a, b from t",
        "select a, b from t union select a, b from u",
        "select a, b from t group by 1, 2",
        "select a, b from t as rows where rows is not distinct from rows",
        "select a, b from t natural join u",
        "select a, (select max(c) from u) as b from t where exists (select b from u)",
    ],
)
def test_columns_stay_where_leaving_them_out_would_mean_something(sql: str) -> None:
    """Distinct rows, places, whole rows and natural joins need every column."""
    assert "b" in take_apart(sql).slice(["a"])[0].split("FROM")[0] + take_apart(sql).frame


def test_sql_that_cannot_be_parsed_is_compared_as_text() -> None:
    """Without comments and layout."""
    one, other = take_apart("select ) from\n  t -- x"), take_apart("select )   from t")
    assert one.slice(["a"]) == (one.text, frozenset([ALL]))
    assert one == other


def test_needs_name_every_model_down_to_the_first() -> None:
    """With the names that have a part in it."""
    needs = definitions().needs("view", ["events_count_24h"])
    assert set(needs) == {"view", "int_activity"}
    assert "pushes_count" not in needs["int_activity"]
