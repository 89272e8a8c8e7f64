"""Training sets: every row gets the features as they were at its instant, in one release."""

from __future__ import annotations

import random
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headgate import FeatureStore
from headgate.errors import UsageError
from headgate.store.reading.parquet import GROUP_ROWS, Writer
from tests.small_store import SmallStore, at, first_release, repository
from tests.support import Database

VIEWS = ["repository_activity", "contributor_activity"]


@pytest.fixture
def store(database: Database) -> SmallStore:
    """Release 1, and a spine in schema training whose rows stand in no order."""
    store = first_release(database)
    store.labels(
        {
            "label": "text",
            "repository_id": "integer",
            "actor_id": "bigint",
            "opened_at": "timestamptz",
        },
        [
            ("d", 1, 9, at(3)),
            ("c", 1, 9, at(2.99)),
            ("b", 1, 9, at(0.5)),
            ("a", 2, 9, at(5)),
            ("b", 1, 9, at(0.5)),
            (None, 404, 9, at(5)),
        ],
    )
    return store


def test_relation_is_joined_at_its_instants(store: SmallStore) -> None:
    """Rows come by key and instant, each with the newest features at its instant; absent: a null as_of."""
    with (
        FeatureStore.sync(store.database.dsn) as features,
        features.training_set("training.labels", VIEWS) as joined,
    ):
        table = joined.read_all()
    assert table.column_names[:6] == [
        *("label", "repository_id", "actor_id", "opened_at"),
        *("repository_activity__as_of", "repository_activity__stars_count_24h"),
    ]
    assert table["label"].to_pylist() == ["b", "b", "c", "d", "a", None]
    assert table["repository_activity__stars_count_24h"].to_pylist() == [None, None, 5, 20, 7, None]
    assert table["repository_activity__as_of"].to_pylist() == [None, None, at(1), at(3), at(2), None]
    assert table["repository_activity__merge_rate_7d"].to_pylist() == [None, None, None, 0.5, None, None]
    assert table["contributor_activity__events_count_24h"].to_pylist() == [None, None, 3, 3, None, None]
    assert table.schema.field("repository_activity__as_of").type == pa.timestamp("us", "UTC")
    assert joined.release == 1
    assert table.schema.metadata[b"headgate.release"] == b"1"


def test_arrow_spine_keeps_its_order(store: SmallStore) -> None:
    """Rows of a table or a stream in memory come back in their order; nanoseconds are cut, not rounded up."""
    almost = pa.scalar(int(at(3).timestamp()) * 10**9 - 1, pa.timestamp("ns", "UTC"))
    spine = pa.table(
        {
            "opened_at": pa.array([at(3), almost.as_py(), at(9)], pa.timestamp("ns", "UTC")),
            "repository_id": pa.array([1, 1, 2], pa.int64()),
            "weight": pa.array([0.5, 1.5, None]),
        }
    )
    for given in (spine, spine.to_reader(max_chunksize=1)):
        with (
            FeatureStore.sync(store.database.dsn) as features,
            features.training_set(given, "repository_activity") as joined,
        ):
            table = joined.read_all()
        assert table["weight"].to_pylist() == [0.5, 1.5, None]
        assert table["repository_activity__stars_count_24h"].to_pylist() == [20, 5, 7]


def test_release_is_pinned(store: SmallStore) -> None:
    """An older release, also after a rollback, gives what it gave; the active one is the default."""
    with FeatureStore.sync(store.database.dsn) as features:

        def read(release: int | None) -> tuple[int, pa.Table]:
            with features.training_set("training.labels", VIEWS, release=release) as joined:
                return joined.release, joined.read_all()

        before = read(None)
        store.rows("repository_activity", [repository(1, 1, 6), repository(2, 1, 8)])
        store.publish()
        assert read(1)[1].equals(before[1])
        after = read(None)
        assert after[0] == 2
        assert not after[1].equals(before[1])
        store.roll(1)
        assert read(None)[0] == 1
        assert read(2)[1].equals(after[1])


def test_stream_goes_on_while_releases_come_and_go(store: SmallStore) -> None:
    """A training set that is being read stays in its release while others are published and compacted."""
    store.database.query(
        "insert into training.labels select 'x', 1, 9, %s from generate_series(1, 200000)", at(4)
    )
    with (
        FeatureStore.sync(store.database.dsn) as features,
        features.training_set("training.labels", "repository_activity") as joined,
    ):
        batches = iter(joined)
        stars = set(next(batches)["repository_activity__stars_count_24h"].to_pylist())
        for number in range(3):
            store.rows("repository_activity", [repository(1, 3, number)])
            store.publish()
        store.compact(1)
        for batch in batches:
            stars |= set(batch["repository_activity__stars_count_24h"].to_pylist())
    assert stars == {None, 5, 7, 20}


def test_parquet_depends_on_rows_alone(store: SmallStore, tmp_path: Path) -> None:
    """Files written twice are the same bytes; row groups are full whatever the batches were."""
    store.database.query(
        "insert into training.labels select n::text, 1, 9, %s from generate_series(1, 70000) as n", at(4)
    )
    with FeatureStore.sync(store.database.dsn) as features:
        for name in ("one", "two"):
            with features.training_set("training.labels", VIEWS) as joined:
                assert joined.write_parquet(tmp_path / name) == 70_006
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = pq.ParquetFile(tmp_path / "one").metadata
    assert [found.row_group(number).num_rows for number in range(found.num_row_groups)] == [GROUP_ROWS, 4470]


def test_parquet_does_not_depend_on_batches(tmp_path: Path) -> None:
    """The same rows in batches of other sizes are the same bytes."""
    table = pa.table({"number": range(150_000), "text": [str(number % 7) for number in range(150_000)]})
    for size in (1_000, 65_536, 150_000):
        with Writer(tmp_path / str(size), table.schema) as writer:
            for batch in table.to_batches(max_chunksize=size):
                writer.write(batch)
        assert (tmp_path / str(size)).read_bytes() == (tmp_path / "1000").read_bytes()


def test_nothing_to_join_is_an_empty_training_set(store: SmallStore, tmp_path: Path) -> None:
    """A spine without rows gives the schema, no rows, and a Parquet file that says so."""
    store.database.query("delete from training.labels")
    with FeatureStore.sync(store.database.dsn) as features:
        with features.training_set("training.labels", VIEWS) as joined:
            table = joined.read_all()
        with features.training_set("training.labels", VIEWS) as joined:
            assert joined.write_parquet(tmp_path / "empty") == 0
    assert table.num_rows == 0
    assert "repository_activity__as_of" in table.column_names
    assert pq.read_table(tmp_path / "empty").schema.equals(table.schema)


@pytest.mark.parametrize(
    ("spine", "options", "words"),
    [
        ("labels", {}, "schema.name"),
        ("training.nothing", {}, "a relation that this role may read"),
        ("training.labels", {"instant": "label"}, "of that type: opened_at"),
        ("feature_store.releases", {}, "the key column repository_id"),
        ("training.labels", {"release": 5}, "no such release"),
        (
            pa.table({"repository_id": ["1"], "opened_at": [START := datetime(2026, 3, 1, tzinfo=UTC)]}),
            {},
            "text",
        ),
        (
            pa.table({"repository_id": [1], "opened_at": [START.replace(tzinfo=None)]}),
            {},
            "of that type: none",
        ),
        (pa.table({"repository_id": [1], "a": [START], "b": [START]}), {}, "a, b"),
    ],
)
def test_wrong_training_sets_are_explained(
    store: SmallStore, spine: Any, options: dict[str, Any], words: str
) -> None:
    """A spine that is not there, lacks a key or an instant, or a wrong release, is named."""
    with FeatureStore.sync(store.database.dsn) as features, pytest.raises(UsageError) as raised:
        features.training_set(spine, "repository_activity", **options)
    assert words in str(raised.value)


def test_random_histories_equal_a_model(store: SmallStore) -> None:
    """For random rows and instants the join is the newest row at or before, computed in Python."""
    chance = random.Random(7)
    times = {key: sorted(chance.sample(range(100), 12)) for key in range(30)}
    rows = [repository(key, hour, key * 1000 + hour) for key, hours in times.items() for hour in hours]
    store.rows("repository_activity", rows)
    store.publish()
    asked = [(chance.randrange(35), chance.randrange(200) / 2) for _ in range(400)]
    spine = pa.table(
        {
            "repository_id": [key for key, _ in asked],
            "opened_at": pa.array([at(hours) for _, hours in asked], pa.timestamp("us", "UTC")),
        }
    )
    with (
        FeatureStore.sync(store.database.dsn) as features,
        features.training_set(spine, "repository_activity") as joined,
    ):
        table = joined.read_all()
    expected = []
    for key, hours in asked:
        place = bisect_right(times.get(key, []), hours)
        expected.append(key * 1000 + times[key][place - 1] if place else None)
    assert table["repository_activity__stars_count_24h"].to_pylist() == expected
