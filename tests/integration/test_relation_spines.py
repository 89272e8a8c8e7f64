"""Spines that are tables of the database, and datasets of them: types, instants and names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headgate import FeatureStore
from headgate.errors import HeadgateError, UsageError
from headgate.store.reading.blocking import SyncFeatureStore
from tests.small_store import VIEW, SmallStore, at, first_release, training_set
from tests.support import Database


@pytest.fixture(scope="module")
def store(module_database: Database) -> SmallStore:
    """Release 1; no test changes it."""
    return first_release(module_database)


@pytest.fixture
def features(store: SmallStore) -> Iterator[SyncFeatureStore]:
    """What reads it."""
    with FeatureStore.sync(store.database.dsn) as features:
        yield features


@pytest.mark.parametrize(
    ("kind", "value", "arrow", "found"),
    [
        ("numeric", "1.10", pa.decimal128(38, 18), Decimal("1.10")),
        ("numeric(10,2)", "1.10", pa.decimal128(10, 2), Decimal("1.10")),
        ("numeric(40,2)", "1.10", pa.decimal256(40, 2), Decimal("1.10")),
        ("varchar(5)", "'abc'", pa.string(), "abc"),
        ("mood", "'fine'", pa.string(), "fine"),
        ("cents", "1.5", pa.decimal128(6, 2), Decimal("1.50")),
        ("date", "'2026-03-01'", pa.date32(), date(2026, 3, 1)),
        ("bigint[]", "'{1,null}'", pa.list_(pa.int64()), [1, None]),
        ("uuid", "'6a204bd8-9f05-4b42-8e86-7f6b0b6f0f5e'", pa.uuid(), None),
    ],
)
def test_columns_of_relations_have_one_type(
    store: SmallStore, features: SyncFeatureStore, kind: str, value: str, arrow: pa.DataType, found: Any
) -> None:
    """Decimals are decimals, enumerations and texts are text, a domain is what it rests on."""
    store.database.query(
        "drop schema if exists own cascade; create schema own; create type own.mood as enum ('fine');"
        " create domain own.cents as numeric(6,2); set search_path = own;"
        f" create table own.spine (repository_id bigint, at_ timestamptz(3), v {kind});"
        f" insert into own.spine values (1, '{at(3)}', {value}), (1, '{at(3)}', null)"
    )
    table = training_set(features, "own.spine")
    assert table.schema.field("v").type == arrow
    values = table["v"].to_pylist()
    assert None in values
    if found is not None:
        assert found in values


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("inet", "'127.0.0.1'"), ("money", "'1.5'"), ("interval", "'1 day'"), ("point", "'(1,2)'")],
        *[("oid", "1"), ("numeric[]", "'{1}'"), ("numeric(90,1)", "1"), ("timetz", "'00:00+01'")],
    ],
)
def test_types_that_arrow_lacks_are_refused_by_name(
    store: SmallStore, features: SyncFeatureStore, kind: str, value: str
) -> None:
    """The column and its type are named; cast to text it is read."""
    create = "drop table if exists public.odd; create table public.odd as select 1::bigint as repository_id,"
    store.database.query(f"{create} now() as at_, {value}::{kind} as v")
    with pytest.raises(UsageError, match=r"public\.odd, column v: expected a type that Arrow"):
        training_set(features, "public.odd")
    store.database.query(f"{create} now() as at_, ({value}::{kind})::text as v")
    assert training_set(features, "public.odd").num_rows == 1


@pytest.mark.parametrize("value", ["'NaN'", "'infinity'", "1e20", "1e-19", "123456789012345678901234567890"])
def test_numbers_that_do_not_fit_are_refused_by_name(
    store: SmallStore, features: SyncFeatureStore, value: str
) -> None:
    """Nothing is rounded and nothing wraps around: the column is named, the value is not."""
    store.database.query(
        "drop table if exists public.odd; create table public.odd as"
        f" select 1::bigint as repository_id, now() as at_, {value}::numeric as v"
    )
    with pytest.raises(HeadgateError, match="column v: expected numbers of at most 20 digits") as raised:
        training_set(features, "public.odd")
    assert "1234" not in str(raised.value)


def test_decimal_features_are_decimals_on_every_way(database: Database) -> None:
    """Online, as of an instant, in a training set and in a dataset a numeric feature is one decimal."""
    store = SmallStore(database)
    store.land()
    store.view("money", {"customer": "text"}, {"total": "numeric(12,2)", "mean": "numeric"})
    values = {"total": Decimal("1.10"), "mean": Decimal("0.333333333333333333")}
    store.rows("money", [{"customer": "c", "as_of": at(1), **values}])
    store.publish()
    store.labels({"customer": "text", "at_": "timestamptz", "y": "int"}, [("c", at(2), 1)])
    with FeatureStore.sync(database.dsn) as features:
        online = features.online("money", {"customer": "c"})[0]["money"]
        then = features.as_of("money", {"customer": "c"}, at(2))[0]["money"]
        assert online is not None
        assert then is not None
        assert dict(online) == dict(then) == values
        with features.training_set("training.labels", "money") as joined:
            table = joined.read_all()
    assert table.schema.field("money__total").type == pa.decimal128(12, 2)
    assert {name: table[f"money__{name}"][0].as_py() for name in values} == values
    options = ("--spine", "training.labels", "--label", "y", "--json")
    made = json.loads(database.headgate("dataset", "create", "m", *options).stdout)
    assert pq.read_table(made["uri"]).schema.field("money__total").type == pa.decimal128(12, 2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("null, 0", "1 of 3 rows with none, 0 infinite"),
        ("'infinity', 0", "0 of 3 rows with none, 1 infinite"),
        ("'-infinity', 0", "0 of 3 rows with none, 1 infinite"),
        ("'0044-03-15 BC', 0", "0 of 3 rows with none, 1 infinite"),
        ("'10000-01-01 00:00+00', 0", "0 of 3 rows with none, 1 infinite"),
    ],
)
def test_dataset_needs_an_instant_in_every_row(store: SmallStore, row: str, words: str) -> None:
    """Rows that nothing can be joined to are counted and refused; nothing is left behind."""
    store.database.query(
        "drop table if exists public.spine; create table public.spine"
        " (repository_id bigint, at_ timestamptz, y int);"
        f" insert into public.spine select 1, '{at(3)}', 1 from generate_series(1, 2);"
        f" insert into public.spine select 1, {row}"
    )
    refused = store.database.headgate(
        *("dataset", "create", "nulli", "--spine", "public.spine", "--views", VIEW, "--label", "y", "--json"),
        exit_code=2,
    )
    assert words in json.loads(refused.stderr)["found"]
    assert store.database.value("select count(*) from pg_tables where schemaname = 'datasets'") == 0


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (f"now()::text as {VIEW}__as_of", "no column named like a feature"),
        ("1 as headgate_place", "no column headgate_place"),
        (f"1 as {VIEW}__merge_rate_7d", "no column named like a feature"),
    ],
)
def test_dataset_needs_names_of_its_own(store: SmallStore, column: str, words: str) -> None:
    """A spine with a column named like a feature, or like the rows' number, is refused by name."""
    store.database.query(
        "drop table if exists public.spine; create table public.spine as"
        f" select 1::bigint as repository_id, timestamptz '{at(3)}' as at_, 1 as y, {column}"
    )
    refused = store.database.headgate(
        *("dataset", "create", "likef", "--spine", "public.spine", "--views", VIEW, "--json"), exit_code=2
    )
    assert words in json.loads(refused.stderr)["expected"]


def test_dataset_of_columns_without_an_order(store: SmallStore) -> None:
    """Arrays of JSON, JSON and enumerations have a place in a dataset, in an order of their own."""
    store.database.query(
        "drop table if exists public.spine; create table public.spine as"
        f" select 1::bigint as repository_id, timestamptz '{at(3)}' as at_, n % 2 as y,"
        " array[to_json(n)] as j, to_json(n) as k from generate_series(1, 9) as n order by random()"
    )
    made = json.loads(
        store.database.headgate(
            "dataset", "create", "j", "--spine", "public.spine", "--views", VIEW, "--json"
        ).stdout
    )
    assert json.loads(store.database.headgate("dataset", "verify", str(made["dataset_id"]), "--json").stdout)[
        "same"
    ]
