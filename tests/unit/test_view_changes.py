"""Changes of feature views: one of each kind, in the words of plans, and whether it breaks consumers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from headgate.change import changes_hash
from headgate.definitions import Definition, Definitions
from headgate.store.view_changes import view_changes, with_meaning
from headgate.store.views import Column, FeatureView

SQL = "select actor_id, as_of, count(*) as events_count_7d, max(x) as rate from t group by actor_id, as_of"
VIEW = FeatureView(
    name="actor_activity",
    version=1,
    keys=(("actor_id", "bigint"),),
    columns=(
        Column("events_count_7d", "bigint", "events_count_7d"),
        Column("rate", "double precision", "rate"),
    ),
    definition="before",
    source_relation=1,
)


def definition(sql: str = SQL, settings: Mapping[str, str | None] = {}) -> Definition:
    """A definition of the view."""
    return Definition("actor_activity", sql, sql, settings, {}, {})


def words(after: FeatureView | None, after_sql: str = SQL) -> list[tuple[str, bool]]:
    """The changes from VIEW to `after`: (sentence, breaking)."""
    found = view_changes(
        {VIEW.name: VIEW},
        {after.name: replace(after, definition="after")} if after else {},
        Definitions({"before": definition(), "after": definition(after_sql)}),
    )
    return [(change.sentence(), change.breaking) for change in found]


def columns(*described: tuple[str, str]) -> FeatureView:
    """VIEW with other columns."""
    return replace(VIEW, columns=tuple(Column(name, kind, name) for name, kind in described))


EVENTS, RATE = ("events_count_7d", "bigint"), ("rate", "double precision")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (VIEW, []),
        (columns(EVENTS, RATE, ("is_bot", "boolean")), [("added column is_bot", False)]),
        (columns(EVENTS), [("dropped column rate", True)]),
        (columns(EVENTS, ("share", "double precision")), [("renamed column rate: rate -> share", True)]),
        (columns(EVENTS, ("rate", "numeric")), [("retyped column rate: double precision -> numeric", True)]),
        (
            replace(VIEW, keys=(("actor_id", "text"),)),
            [("changed keys: actor_id bigint -> actor_id text", True)],
        ),
        (None, [("removed view", True)]),
        (replace(VIEW, name="actor_activity_v2"), [("removed view", True), ("added view", False)]),
    ],
)
def test_shape(after: FeatureView | None, expected: list[tuple[str, bool]]) -> None:
    """Columns, types, keys, views."""
    assert words(after) == expected


def test_other_sql_of_the_same_column_redefines_it() -> None:
    """The column is named; all of them when none is left."""
    assert words(VIEW, SQL.replace("max(x)", "min(x)")) == [("redefined column rate", True)]
    assert words(VIEW, SQL.replace("from t", "from u")) == [("redefined all columns", True)]


def test_settings_that_are_not_given_decide_nothing() -> None:
    """Earlier versions recorded some of them as null."""
    known = Definitions({"then": definition(settings={"windows": None}), "now": definition()})
    assert known.digest("then") == known.digest("now")
    assert known.own_digest("then") == known.own_digest("now")


def test_layout_and_comments_are_no_change() -> None:
    """Nothing is said of them."""
    assert words(VIEW, "-- the same\n" + SQL.upper().replace("FROM T", "\nFROM T")) == []


def test_the_hash_covers_what_words_do_not_tell() -> None:
    """Two redefinitions of one column differ; the order of changes does not matter."""
    hashes = set()
    for aggregate in ("min(x)", "sum(x)", "min(x)"):
        known = Definitions({"before": definition(), "after": definition(SQL.replace("max(x)", aggregate))})
        found = view_changes({VIEW.name: VIEW}, {VIEW.name: replace(VIEW, definition="after")}, known)
        assert changes_hash(found) == changes_hash(reversed(found))
        hashes.add(changes_hash(found))
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("sql", "version", "meaning"),
    [
        (SQL, 1, "oldest"),
        (SQL.replace("max(x) as rate", "max(x) as rate, min(x) as least"), 1, "oldest"),
        (SQL.replace("max(x)", "min(x)"), 1, "after"),
        (SQL, 2, "after"),
    ],
)
def test_what_a_model_is_bound_to_stays_until_something_breaks(sql: str, version: int, meaning: str) -> None:
    """Another SQL that computes the same columns alike keeps the meaning; another version never does."""
    old, new = replace(VIEW, meaning="oldest"), replace(VIEW, definition="after", version=version)
    definitions = Definitions({"before": definition(), "after": definition(sql)})
    changes = view_changes({VIEW.name: old}, {VIEW.name: new}, definitions)
    assert with_meaning(new, old, changes).meaning == meaning
    assert with_meaning(new, None, []).meaning == "after"
