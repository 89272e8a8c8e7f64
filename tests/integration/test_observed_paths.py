"""What is observed of records whose keys and types are long: an index takes it, and it stays told apart."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest

from tests.macros import render
from tests.support import Database

TEMPLATE = "{{ observed_paths('public.landed_records', schema_generation, [{'load_id': 7}]) }}"


def text(length: int, seed: int, letters: str = string.ascii_letters) -> str:
    """What no compression makes much shorter."""
    return "".join(random.Random(seed).choices(letters, k=length))


LONG = text(5000, 1)
WIDE = text(3000, 2, "äöüßéèñçłşžř日本語中文字漢")
RECORDS: dict[str, list[dict[str, Any]]] = {
    "a long key": [{LONG: 1, "short": 2}],
    "keys alike but for their ends": [{LONG + "a": 1, LONG + "b": 2}],
    "a key of wide letters": [{WIDE: 1}],
    "eight long keys": [{text(700, 3): {text(700, 4): {text(700, 5): {text(700, 6): {text(700, 7): 1}}}}}],
    "a key that needs quotes": [{'"' + LONG + ' .[]{"': [1]}],
}


def observe(database: Database, rows: list[tuple[str | None, dict[str, Any]]]) -> list[tuple[Any, ...]]:
    """Paths, types and counts of records, as the model's table and indexes hold them."""
    database.query(
        "create table landed_records (load_id bigint, line_number int, record_type text, record jsonb)"
    )
    database.query(
        "create table loads as select 7::bigint as load_id, timestamptz '2026-01-01' as partition_start"
    )
    for number, (kind, record) in enumerate(rows, 1):
        values = (number, kind, json.dumps(record))
        database.query("insert into landed_records values (7, %s, %s, %s::jsonb)", *values)
    sql = render(
        TEMPLATE,
        "monitoring",
        "contract",
        "partitions",
        schema_generation=lambda _: "'only'",
        source=lambda _, name: f"public.{name}",
    )
    database.query(f"create table observed as {sql}")
    database.query("create index on observed (record_type, path, load_id)")
    return database.query("select path, json_type, records_count from observed order by path")


@pytest.mark.parametrize("name", RECORDS)
def test_long_keys_do_not_stop_a_build(database: Database, name: str) -> None:
    """Whatever the keys' length: every path has a row of its own, in an index too."""
    records = RECORDS[name]
    found = observe(database, [("any", record) for record in records])

    assert len({path for path, *_ in found}) == len(found) == sum(map(_paths, records))
    assert all(count == 1 for *_, count in found)
    assert max(len(path.encode()) for path, *_ in found) <= 1000


def test_paths_of_common_length_are_told_whole(database: Database) -> None:
    """Up to 1,000 bytes nothing is cut."""
    key = text(999, 8)
    assert observe(database, [("any", {key: 1})]) == [(key, "number", 1)]


def test_long_record_types_do_not_stop_a_build(database: Database) -> None:
    """A type of 5,000 characters is counted, and apart from another that begins alike."""
    found = observe(database, [(LONG + "a", {"k": 1}), (LONG + "b", {"k": 1}), (None, {"k": 1})])
    assert found == [("k", "number", 1)] * 3


def _paths(value: Any) -> int:
    """How many paths a record has."""
    if isinstance(value, dict):
        return sum(1 + _paths(inner) for inner in value.values())
    return sum(1 + _paths(inner) for inner in value[:3]) if isinstance(value, list) else 0
