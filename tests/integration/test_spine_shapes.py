"""Spines of every shape: each column comes back as it was given, or the error names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from headgate import FeatureStore
from headgate.errors import HeadgateError, UsageError
from headgate.store.reading.arrow_spine import ArrowSpine
from headgate.store.reading.arrow_types import converted, require_years
from headgate.store.reading.blocking import SyncFeatureStore
from headgate.store.reading.catalog import PublishedView
from tests.small_store import VIEW, at, first_release, training_set
from tests.support import Database
from tests.toy_store import built_store, publish_new

ONE = pa.array([1], pa.int64())
AT = pa.array([at(3)], pa.timestamp("us", "UTC"))
WEST = timezone(timedelta(hours=-5))


@pytest.fixture(scope="module")
def features(module_database: Database) -> Iterator[SyncFeatureStore]:
    """What reads release 1; no test changes it."""
    store = first_release(module_database)
    with FeatureStore.sync(store.database.dsn) as features:
        yield features


def spine(**columns: Any) -> pa.Table:
    """One row for repository 1, with some columns more."""
    return pa.table({"repository_id": ONE, "at": AT, **columns})


def named(*names: str) -> pa.Table:
    """One row for repository 1, with columns of some names, also several alike."""
    return pa.Table.from_arrays([ONE, AT, *[ONE] * len(names)], names=["repository_id", "at", *names])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal("1.10")], pa.decimal128(10, 2)),
        pa.array([Decimal("1.10")], pa.decimal256(50, 2)),
        pa.array([{"a": 1}]),
        pa.array([[{"a": [1.5]}]]),
        pa.array([7], pa.int8()),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([1.5], pa.float16()),
        pa.array(["a"], pa.large_string()),
        pa.array(["a"]).dictionary_encode(),
        pa.array(["with a \0"]),
        pa.array([b"\0\1"], pa.binary(2)),
        pa.array([timedelta(microseconds=1)], pa.duration("ns")),
        pa.array([1], pa.int64()).cast(pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([-(2**63) + 1], pa.int64()).cast(pa.timestamp("us")),
        pa.nulls(1),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_come_back_as_they_were_given(features: SyncFeatureStore, column: pa.Array) -> None:
    """What stands beside the key keeps type and value, from a table as from a stream."""
    given = spine(odd=column)
    for form in (given, given.to_reader(), given.to_batches()[0]):
        table = training_set(features, form, instant="at")
        assert table.select(given.column_names).equals(given)
        assert table[f"{VIEW}__stars_count_24h"].to_pylist() == [20]


@pytest.mark.parametrize(
    "encode",
    [
        lambda column: column.dictionary_encode(),
        lambda column: pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), column),
        lambda column: pa.DictionaryArray.from_arrays(pa.array([0], pa.uint8()), column),
    ],
    ids=["dictionary", "run ends", "small dictionary"],
)
def test_keys_and_instants_in_any_encoding(
    features: SyncFeatureStore, encode: Callable[[pa.Array], pa.Array]
) -> None:
    """What a column holds counts, not how Arrow packs it; it comes back as it was given."""
    given = pa.table({"repository_id": encode(ONE), "at": encode(AT)})
    table = training_set(features, given)
    assert table.select(given.column_names).equals(given)
    assert table[f"{VIEW}__stars_count_24h"].to_pylist() == [20]


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_categories_are_texts(text: pa.DataType) -> None:
    """Categories of Polars are a dictionary of views, which Arrow takes nothing out of by itself."""
    view = PublishedView("toy", 1, (("sensor", "text"),), ())
    categories = pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), pa.array(["a", "b"], text))
    given = ArrowSpine(pa.table({"sensor": categories, "at": [at(1)] * 3}), (view,), None)
    assert given.ingestible().read_all()["sensor"].to_pylist() == ["b", None, "a"]


def test_keys_are_numbers_and_days_too(database: Database) -> None:
    """A numeric is a decimal in Arrow, or a whole number; a day may be counted in milliseconds."""
    store = built_store(database)
    for table in ("features.{}_activity", "ops.changed_{}_activity"):
        database.query(
            f"alter table {table.format('toy')} alter toy_id type numeric;"
            f"alter table {table.format('pair')} alter toy_id type numeric,"
            "  alter other_id type date using date '2026-01-01' + other_id::integer"
        )
    publish_new(store)
    instants = pa.array([at(9)] * 2, pa.timestamp("us", "UTC"))
    numbers = [
        pa.array([Decimal("2.0"), None], pa.decimal128(5, 1)),
        pa.array([Decimal("2.00"), Decimal("2.01")], pa.decimal256(60, 2)),
        pa.array([2, 2**64 - 1], pa.uint64()),
    ]
    with FeatureStore.sync(database.dsn) as features:
        for number in numbers:
            given = pa.table({"toy_id": number, "at": instants})
            with features.training_set(given, "toy_activity") as rows:
                assert rows.read_all()["toy_activity__events_count"].to_pylist() == [6, None]

        def of_days(*days: int) -> list[int | None]:
            told = pa.array(days, pa.int32()).view(pa.date32()).cast(pa.date64())
            given = pa.table({"toy_id": pa.array([1, 1]), "other_id": told, "at": instants})
            with features.training_set(given, "pair_activity") as rows:
                found: list[int | None] = rows.read_all()["pair_activity__events_count"].to_pylist()
            return found

        assert of_days(20456, 20457) == [7, None]
        with pytest.raises(HeadgateError, match="column other_id: expected times of the years"):
            of_days(-719163, 0)


def test_rows_stay_beside_their_features(features: SyncFeatureStore) -> None:
    """Of a long stream in pieces of every size each row keeps its own columns."""
    rows = 70_000
    given = pa.table(
        {
            "repository_id": [number % 3 for number in range(rows)],
            "at": pa.array([at(number % 5) for number in range(rows)], pa.timestamp("us", "UTC")),
            "number": range(rows),
        }
    )
    with features.training_set(given.to_reader(max_chunksize=999), VIEW) as joined:
        table = joined.read_all()
    assert table["number"].to_pylist() == list(range(rows))
    stars = {1: [None, 5, 5, 20, 20], 2: [None, None, 7, 7, 7], 0: [None] * 5}
    assert table[f"{VIEW}__stars_count_24h"].to_pylist() == [stars[n % 3][n % 5] for n in range(rows)]


def test_names_are_kept_whatever_their_length(features: SyncFeatureStore) -> None:
    """PostgreSQL's 63 bytes are no limit to a spine, nor are the names of its temporary table."""
    names = ["b" * 70, "a" * 70 + "1", "a" * 70 + "2", "headgate_place", "headgate_instant", "ü" * 40]
    assert training_set(features, named(*names)).column_names[: len(names) + 2] == [
        "repository_id",
        "at",
        *names,
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (named("x", "x"), "several columns 'x'"),
        (named(""), "a column without a name"),
        (named(f"{VIEW}__as_of"), f"{VIEW}__as_of"),
        (named(f"{VIEW}__stars_count_24h"), f"{VIEW}__stars_count_24h"),
        (spine().set_column(0, "repository_id", pa.array([{"a": 1}])), "key column repository_id"),
        (spine().set_column(0, "repository_id", pa.array([1.0])), "key column repository_id"),
        (
            spine().set_column(0, "repository_id", pa.array([2**64 - 1], pa.uint64())),
            "key column repository_id: expected values for int64",
        ),
        ([{"repository_id": 1, "at": datetime.now(UTC)}], "found a Python list"),
        (({"repository_id": 1} for _ in range(1)), "found a Python generator"),
        (7, "found a Python int"),
        (
            pd.DataFrame({"repository_id": [1, 1], "at": [at(1)] * 2, "odd": [1, "a secret"]}),
            "mixed values in odd",
        ),
    ],
)
def test_wrong_spines_are_told_by_column(features: SyncFeatureStore, given: Any, words: str) -> None:
    """The column or the type is named, never a value, before the database is asked."""
    with pytest.raises(UsageError) as raised:
        training_set(features, given)
    assert words in str(raised.value)
    assert "a secret" not in str(raised.value)


def test_frames_are_spines(features: SyncFeatureStore) -> None:
    """A pandas frame is read, whatever its index."""
    frame = pd.DataFrame({"repository_id": [1, 2], "at": [at(3)] * 2, "label": ["x", None]})
    for given in (frame, frame[::-1]):
        table = training_set(features, given)
        assert sorted(table[f"{VIEW}__stars_count_24h"].to_pylist()) == [7, 20]


@pytest.mark.parametrize(
    ("instant", "unit", "stars"),
    [
        (at(3), "s", 20),
        (at(3) - timedelta(microseconds=1), "us", 5),
        (datetime(2, 1, 1, tzinfo=UTC), "us", None),
    ],
)
def test_instants_of_every_unit(
    features: SyncFeatureStore, instant: datetime, unit: str, stars: int | None
) -> None:
    """Seconds as microseconds, and instants long before there was anything."""
    given = spine().set_column(1, "at", pa.array([instant], pa.timestamp(unit, "UTC")))
    assert training_set(features, given)[f"{VIEW}__stars_count_24h"].to_pylist() == [stars]


def test_instants_before_1970_are_never_rounded_up(features: SyncFeatureStore) -> None:
    """A nanosecond before an instant is the microsecond before it, also where numbers are negative."""
    for nanoseconds in (-1, int(at(3).timestamp()) * 10**9 - 1):
        given = spine().set_column(1, "at", pa.array([nanoseconds]).cast(pa.timestamp("ns", "UTC")))
        assert training_set(features, given)[f"{VIEW}__stars_count_24h"].to_pylist() == [
            None if nanoseconds < 0 else 5
        ]


@pytest.mark.parametrize("microseconds", [2**63 - 1, -(2**62), 253_402_300_800_000_000])
def test_instants_out_of_time_are_refused(features: SyncFeatureStore, microseconds: int) -> None:
    """Infinity, BC, the year 10000: the column and the years are named."""
    given = spine().set_column(1, "at", pa.array([microseconds]).cast(pa.timestamp("us", "UTC")))
    with pytest.raises(HeadgateError, match="column at: expected times of the years 1 to 9999"):
        training_set(features, given)


def test_null_instants_have_no_features(features: SyncFeatureStore) -> None:
    """A row without an instant gets nulls."""
    given = spine().set_column(1, "at", pa.array([None], pa.timestamp("us", "UTC")))
    assert training_set(features, given)[f"{VIEW}__as_of"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda store: store.online(VIEW, 1), "found a Python int"),
        (lambda store: store.online(VIEW, "1"), "found a Python str"),
        (lambda store: store.online(VIEW, [1, 2]), "found a Python int"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, "2016-01-01T03:00Z"), "found a Python str"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, at(1).date()), "found a Python date"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, at(1), release="2"), "found a Python str"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, at(1), release=True), "found a Python bool"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, at(1), release=1.0), "found a Python float"),
        (lambda store: store.as_of(VIEW, {"repository_id": 1}, at(1), release=2**70), "no release has"),
        (
            lambda store: store.as_of(VIEW, {"repository_id": 1}, datetime.max.replace(tzinfo=WEST)),
            "one outside of the years 1 to 9999",
        ),
        (lambda store: store.release("1"), "found a Python str"),
        (lambda store: store.training_set(spine(), VIEW, release=1.0), "found a Python float"),
    ],
)
def test_wrong_arguments_are_told(
    features: SyncFeatureStore, ask: Callable[[SyncFeatureStore], Any], words: str
) -> None:
    """What was expected and the type that was found, also of what equals a release that was read before."""
    features.as_of(VIEW, {"repository_id": 1}, at(1), release=1)
    with pytest.raises(UsageError) as raised:
        ask(features)
    assert words in str(raised.value)


def test_keys_may_come_from_a_generator(features: SyncFeatureStore) -> None:
    """Any iterable of keys is read once."""
    answer = features.online(VIEW, ({"repository_id": number} for number in (1, 404)))  # type: ignore[arg-type]
    assert [entity.missing for entity in answer] == [(), (VIEW,)]


def test_types_are_checked_without_a_database() -> None:
    """Zeros do not count as digits, nulls are no values, nanoseconds never leave the years."""
    zeros = pa.array(["0001.1000000000000000000000", None, "-0.0", "00000000000000000000001"])
    assert converted("x", "numeric", zeros).to_pylist() == [Decimal("1.1"), None, 0, 1]
    require_years("x", pa.array([0, 2**63 - 1, None]).cast(pa.timestamp("ns")))
