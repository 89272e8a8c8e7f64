"""Definitions are compared by meaning, and column by column down to what they read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headgate.definitions import Definition, Definitions
from headgate.definitions.catalog import ALL
from headgate.definitions.seeds import SeedContent, cell, parse_rows
from headgate.definitions.slices import take_apart

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


def test_text_tells_what_no_parser_has_to_look_at() -> None:
    """Equal texts all the way down are equal; a model that is read counts, and so does its layout."""
    same = definitions()
    assert same.text("view") == definitions().text("view") != same.text("int_activity")
    for changed in (ACTIVITY.replace("push", "fork"), ACTIVITY + "\n"):
        assert same.text("view") != definitions(activity=changed).text("view")


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


STEPS = """
    with base as (select * from typed.stg_events),
    pushes as (select actor_id, repository_id, created_at from base where kind = 'push'),
    firsts as (
        select actor_id, min(created_at) as first_at, max(created_at) as last_at from pushes group by actor_id
    ),
    kinds as (select distinct actor_id, kind from base)
    select firsts.actor_id, firsts.first_at, firsts.last_at, kinds.kind, other.login
    from firsts
    inner join kinds on firsts.actor_id = kinds.actor_id
    left join typed.logins as other on other.actor_id = firsts.actor_id
"""
STEP_COLUMNS = ("actor_id", "first_at", "last_at", "kind", "login")
PUSHES = "pushes as (select actor_id, repository_id, created_at from base where kind = 'push'),"


def redefined(one: str, other: str, columns: tuple[str, ...] = STEP_COLUMNS) -> set[str]:
    """The columns that two statements compute in different ways."""
    before, after = take_apart(one), take_apart(other)
    return {column for column in columns if before.slice([column])[0] != after.slice([column])[0]}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (
            "min(created_at) as first_at, max(created_at) as last_at",
            "max(created_at) as last_at, min(created_at) as first_at",
        ),
        (
            "firsts.actor_id, firsts.first_at, firsts.last_at",
            "firsts.first_at, firsts.last_at, firsts.actor_id",
        ),
        ("select actor_id, repository_id, created_at", "select created_at, actor_id, repository_id"),
        ("select distinct actor_id, kind", "select distinct kind, actor_id"),
        ("firsts", "first_pushes"),
        ("other", "names"),
        (f"{PUSHES}\n", f"{PUSHES} unread as (select 1 as one),\n"),
        (
            "with base as (select * from typed.stg_events),",
            "with kinds as (select distinct actor_id, kind from typed.stg_events),"
            " base as (select * from typed.stg_events),",
        ),
        (PUSHES, f"-- Only pushes.\n{PUSHES} /* and no more */"),
    ],
    ids=[
        *("moved_in_a_step", "moved_in_the_last_step", "moved_in_the_first_step", "moved_in_distinct"),
        *("step_renamed", "alias_renamed", "unread_step", "steps_in_another_order", "comments"),
    ],
)
def test_what_a_statement_calls_and_orders_is_its_own_affair(was: str, becomes: str) -> None:
    """Neither the place of a column nor of a step, nor the name of a step or an alias, redefines a column."""
    one = STEPS
    if "with kinds" in becomes:
        one = one.replace("from base)\n", "from typed.stg_events)\n")
        other = one.replace(",\n    kinds as (select distinct actor_id, kind from typed.stg_events)", "")
        other = other.replace(was, becomes)
    else:
        other = one.replace(was, becomes)
    assert other != one
    assert redefined(one, other) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "with a as (select x, y from t) select * from a union all select * from u",
            "with a as (select y, x from t) select * from a union all select * from u",
        ),
        (
            "with b as (select x, y from u) select x, y from t union all select * from b",
            "with b as (select x, y from u) select y, x from t union all select * from b",
        ),
        (
            "select x, y from t union all select x, y from u",
            "select x, y from t union all select y, x from u",
        ),
        (
            "with a (x, y) as (select p, q from t) select x, y from a",
            "with a (x, y) as (select q, p from t) select x, y from a",
        ),
        ("select x, y from t union select x, y from u", "select x, y from t union select y, x from u"),
        (
            "select a.x, b.y from t as a join t as b on a.p = b.q",
            "select b.x, a.y from t as a join t as b on a.p = b.q",
        ),
        (
            "with a as (select * from b), b as (select x, y from t) select a.x, b.y from a cross join b",
            "with b as (select x, y from t), a as (select * from b) select a.x, b.y from a cross join b",
        ),
        (
            "with a as (select distinct x from t) select x, y from a, t",
            "with a as (select x from t) select x, y from a, t",
        ),
    ],
    ids=[
        "star_in_union",
        "beside_a_star",
        "branch",
        "named_by_alias",
        "union_distinct",
        "swapped",
        "shadowed",
        "distinct",
    ],
)
def test_what_means_something_else_redefines(one: str, other: str) -> None:
    """Places in a union, aliases that trade places, a name that means a table before it means a step."""
    assert redefined(one, other, ("x", "y")) == {"x", "y"}


def test_columns_that_move_in_a_table_that_is_read_by_place_redefine() -> None:
    """Two tables one below the other by `*`: a column that moves in one of them lands in another column."""
    view = "select * from typed.int_activity union all select * from typed.more"
    moved = ACTIVITY.replace("select actor_id, date", "select date").replace(
        "as hour,\n", "as hour, actor_id,\n"
    )
    assert moved != ACTIVITY
    assert differing(definitions(activity=moved)) == set()
    one, other = definitions(view), definitions(view, moved)
    assert one.digest("view", ["actor_id"]) != other.digest("view", ["actor_id"])


def test_branches_that_are_alike_are_told_by_name() -> None:
    """The same `*` in every branch: a column that is added to what it stands for redefines no other."""
    branch = "select a.*, {} as left_window from typed.int_activity as a"
    view = (
        f"select actor_id, events_count from ({branch.format(0)} union all {branch.format(24)}) as windowed"
    )
    added = ACTIVITY.replace("count(*) as events_count", "max(id) as last_id, count(*) as events_count")
    one, other = definitions(view), definitions(view, added)
    for name in ("actor_id", "events_count"):
        assert one.digest("view", [name]) == other.digest("view", [name])


def test_a_step_that_only_a_subquery_reads_has_a_part() -> None:
    """Also one that has steps of its own."""
    inner = "with z as (select * from base) select * from z"
    sql = f"with base as (select x from t where x > {{}}) select x from ({inner}) as q"
    assert take_apart(sql.format(1)).slice(["x"]) != take_apart(sql.format(2)).slice(["x"])


BOTS = [{"login": "a-bot", "weight": 1, "reason": "one"}, {"login": "b-bot", "weight": 2, "reason": "two"}]
READS_BOTS = """
    with bots as (select * from typed.bots)
    select e.id, bots.weight from typed.e inner join bots using (login)
"""


def with_seed(sql: str, rows: list[dict[str, Any]], checksum: str) -> Definitions:
    """A model that reads the seed `bots`, whose content is known."""
    definition = Definition("view", sql, sql, {}, {}, {"bots": checksum})
    return Definitions({"view": definition}, {checksum: SeedContent.of(rows)})


@pytest.mark.parametrize(
    ("rows", "changes"),
    [
        ([{**row, "reason": "another"} for row in BOTS], set()),
        ([{**row, "since": 2015} for row in BOTS], set()),
        ([{name: row[name] for name in ("reason", "login", "weight")} for row in BOTS], set()),
        (BOTS[::-1], set()),
        ([{**row, "weight": Decimal("1.0") * row["weight"]} for row in BOTS], set()),
        ([{**row, "weight": 3 - row["weight"]} for row in BOTS], {"weight"}),
        ([{**row, "login": "c-bot"} for row in BOTS], {"id", "weight"}),
        (BOTS[:1], {"id", "weight"}),
        ([*BOTS, BOTS[0]], {"id", "weight"}),
    ],
    ids=[
        *("remark", "added_column", "columns_moved", "lines_moved", "same_number"),
        *("read_column", "key", "line_less", "line_twice"),
    ],
)
def test_seeds_are_compared_by_what_is_read_of_them(rows: list[dict[str, Any]], changes: set[str]) -> None:
    """A remark that no model reads redefines nothing; a line that is gone redefines all columns."""
    one, other = with_seed(READS_BOTS, BOTS, "before"), with_seed(READS_BOTS, rows, "after")
    found = {name for name in ("id", "weight") if one.digest("view", [name]) != other.digest("view", [name])}
    assert found == changes


def test_a_seed_whose_content_was_never_recorded_is_told_by_its_file() -> None:
    """Nothing is taken for equal that is not known to be."""
    known = with_seed(READS_BOTS, BOTS, "after")
    unknown = Definitions({"view": Definition("view", READS_BOTS, READS_BOTS, {}, {}, {"bots": "before"})})
    assert known.digest("view", ["id"]) != unknown.digest("view", ["id"])


def test_what_a_file_says_equals_what_the_database_holds() -> None:
    """Numbers, booleans, times and text, read from CSV and from JSON."""
    stored = parse_rows('[{"a": 0.50, "b": true, "c": "2016-01-01", "d": null, "e": "1", "f": 20}]')
    read = [
        cell(Decimal("0.5")),
        cell(True),
        cell(date(2016, 1, 1)),
        cell(None),
        cell("1"),
        cell("20", "bigint"),
    ]
    assert list(stored.rows[0].values()) == read
