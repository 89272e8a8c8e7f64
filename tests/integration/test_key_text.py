"""A key has one text in serving, in canaries and in monitoring, and no other key has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from headgate.model.deployment.evidence import labels_of
from headgate.model.key_text import joined, joined_sql
from headgate.serving import keytext
from tests.macros import render
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
PARTS = ("a|b", "a", "b|a", "a%7Cb", "%", "|", "")
FOLDER = "monitoring/predictions"


@pytest.fixture
def cursor(database: Database) -> Iterator[Any]:
    """A session."""
    with closing(psycopg2.connect(database.dsn)) as connection, connection.cursor() as found:
        yield found


def for_driver(statement: str) -> str:
    """With the signs doubled that psycopg2 takes for parameters."""
    return statement.replace("%", "%%")


def test_keys_of_several_columns_have_texts_of_their_own(cursor: Any) -> None:
    """Python, its SQL and the macros agree, whatever the parts hold; a part is read back."""
    keys = list(product(PARTS, PARTS))
    texts = [joined(key) for key in keys]
    assert len(set(texts)) == len(keys)
    macro = render("{{ key_text(['sensor', 'kind']) }}", FOLDER)
    parts = [render(f"{{{{ key_part('key', {place}, 2) }}}}", FOLDER) for place in (1, 2)]
    cursor.execute(
        for_driver(f"select key, {joined_sql(['sensor', 'kind'])}, {macro}, array[{', '.join(parts)}]")
        + " from unnest(%s, %s, %s) as given (sensor, kind, key)",
        ([sensor for sensor, _ in keys], [kind for _, kind in keys], texts),
    )
    for text, key, found in zip(texts, keys, cursor.fetchall(), strict=True):
        assert found == (text, text, text, list(key))


def test_a_key_of_one_column_is_its_text(cursor: Any) -> None:
    """Nothing is written otherwise."""
    assert joined(["a|b"]) == "a|b"
    expressions = [
        joined_sql(["sensor"]),
        render("{{ key_text(['sensor']) }}", FOLDER),
        render("{{ key_part('sensor', 1, 1) }}", FOLDER),
    ]
    cursor.execute(f"select {', '.join(expressions)} from (values ('a|b%')) as given (sensor)")
    assert cursor.fetchone() == ("a|b%", "a|b%", "a|b%")


def test_a_sensor_with_a_bar_in_its_name_gets_its_own_label(cursor: Any) -> None:
    """Sensor `a|b` of kind `c` is not sensor `a` of kind `b|c`."""
    cursor.execute(
        "create schema training; create table training.readings as select * from (values"
        " ('a|b', 'c', timestamptz '2026-03-01Z', 1), ('a', 'b|c', '2026-03-01Z', 0))"
        " as given (sensor, kind, read_at, failed)"
    )
    options = {"spine": "readings", "instant": "read_at", "label": "failed", "spine_keys": ["sensor", "kind"]}
    version: Any = SimpleNamespace(task="binary", manifest={"options": options})
    for key, label in ((("a|b", "c"), 1), (("a", "b|c"), 0)):
        cursor.execute(
            "select label from (select %s as key, timestamptz '2026-03-01 00:01Z' as answered_at) as answers "
            + for_driver(labels_of(version, "answers")),
            (joined(key),),
        )
        assert cursor.fetchall() == [(label,)]


@pytest.mark.parametrize("text", ["1 day", "-1 days +23:00:00", "2 days 03:04:05.5", "00:00:00"])
def test_an_interval_is_written_as_postgresql_writes_it(cursor: Any, text: str) -> None:
    """As a request carries it and the driver reads it."""
    cursor.execute("select %s::interval, %s::interval::text", (text, text))
    read, written = cursor.fetchone()
    assert isinstance(read, timedelta)
    assert keytext.form("interval")(read) == written == text
