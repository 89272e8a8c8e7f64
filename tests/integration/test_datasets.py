"""Datasets: made once, the same bytes on any day, and refused when a feature knows too much."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headgate.dataset.digest import Parts
from headgate.dataset.leakage import LeakageGate
from headgate.store.reading.catalog import PublishedView
from headgate_github.synth import write_hours
from tests.small_store import SmallStore, at, contributor, first_release, repository
from tests.support import Database, Databases

SPINE = "training.labels"


@pytest.fixture
def store(database: Database) -> SmallStore:
    """Release 1, and a spine of two labels."""
    store = first_release(database)
    store.labels(
        {
            "repository_id": "bigint",
            "actor_id": "bigint",
            "opened_at": "timestamptz",
            "note": "text",
            "is_merged": "boolean",
        },
        [(2, 9, at(4), "later", False), (1, 9, at(2), "x", True), (1, 9, at(2), None, None)],
    )
    return store


def create(database: Database, *options: str, exit_code: int = 0) -> dict[str, Any]:
    """Makes a dataset; what it says as JSON."""
    done = database.headgate(
        *("dataset", "create", "outcomes", "--spine", SPINE, "--label", "is_merged", "--json", *options),
        exit_code=exit_code,
    )
    found: dict[str, Any] = json.loads(done.stderr if exit_code else done.stdout)
    return found


def verify(database: Database, dataset_id: int, exit_code: int = 0) -> dict[str, Any]:
    """Verifies a dataset; what it found as JSON."""
    done = database.headgate("dataset", "verify", str(dataset_id), "--json", exit_code=exit_code)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_dataset_is_a_file_with_its_record(store: SmallStore, tmp_path: Path) -> None:
    """The file holds spine and features in order; the register says what it was made of."""
    left = tmp_path / "out" / "outcomes-v9.parquet.part"
    left.parent.mkdir()
    left.write_text("of a process that was killed")
    made = create(store.database, "--out", str(tmp_path / "out"))
    table = pq.read_table(made["uri"])
    assert list(left.parent.iterdir()) == [Path(made["uri"])]
    assert stat.S_IMODE(Path(made["uri"]).stat().st_mode) == 0o600
    assert table["note"].to_pylist() == ["x", None, "later"]
    assert table["repository_activity__stars_count_24h"].to_pylist() == [5, 5, 7]
    assert table["contributor_activity__as_of"].to_pylist() == [at(1), at(1), None]
    assert (made["row_count"], made["release_id"], made["version"]) == (3, 1, 1)
    assert made["label_counts"] == {"false": 1, "true": 1, "null": 1}
    assert made["views"] == ["contributor_activity", "repository_activity"]
    assert made["leakage"]["sampled"] == 3
    shown = store.database.headgate("dataset", "show", "1").stdout
    assert made["content_sha256"] in shown
    assert "outcomes" in store.database.headgate("dataset", "list").stdout


def test_dataset_is_the_same_bytes_after_everything(store: SmallStore) -> None:
    """Bound to release 3: rebuilt alike after releases 4 to 10, a rollback, a compaction and other labels."""
    for release in (2, 3):
        store.rows("repository_activity", [repository(1, 1, release), repository(2, 3, 7)])
        store.publish()
    made = create(store.database, "--release", "3")
    for release in range(4, 11):
        store.rows("repository_activity", [repository(1, 1, release), repository(2, 2, release)])
        store.rows("contributor_activity", [contributor(9, 1, hour, release) for hour in range(3)])
        if release == 6:
            store.database.query("alter table features.repository_activity add column more bigint default 1")
        assert store.publish() == release
    store.roll(2)
    store.rows("repository_activity", [repository(1, 1, 99)])
    assert store.publish() == 11
    assert store.database.value("select status from ops.releases where release_id = 3") == "abandoned"
    assert 4 in store.compact(1).releases
    store.database.query("truncate training.labels")
    found = verify(store.database, made["dataset_id"])
    assert found["same"]
    assert found["found_sha256"] == made["content_sha256"]


def test_same_release_and_spine_are_the_same_bytes(store: SmallStore) -> None:
    """A second version made later, of the same release and labels, is the same file."""
    first = create(store.database)
    store.rows("repository_activity", [repository(1, 1, 77)])
    store.publish()
    store.database.query("update training.labels set note = note")
    second = create(store.database, "--release", "1")
    assert second["version"] == 2
    assert second["content_sha256"] == first["content_sha256"]
    assert create(store.database)["content_sha256"] != first["content_sha256"]


@pytest.mark.parametrize(
    ("damage", "differing"),
    [
        ("update datasets.outcomes_v1 set is_merged = not is_merged", ["column is_merged"]),
        (
            "delete from datasets.outcomes_v1 where headgate_place = 1",
            ["rows", "column repository_id"],
        ),
        (
            "update feature_store.repository_activity_history set stars_count_24h = 0",
            ["column repository_activity__stars_count_24h"],
        ),
    ],
)
def test_verify_names_what_differs(store: SmallStore, damage: str, differing: list[str]) -> None:
    """Somebody wrote where nobody should: exit code 1, and which part it was."""
    made = create(store.database)
    store.database.query(damage)
    found = verify(store.database, made["dataset_id"], exit_code=1)
    assert not found["same"]
    assert found["differing"][: len(differing)] == differing


def test_verify_looks_at_the_file(store: SmallStore) -> None:
    """A file that was changed differs; one that is gone is said to be, and can be made again."""
    made = create(store.database)
    Path(made["uri"]).write_bytes(b"something else")
    assert verify(store.database, 1, exit_code=1)["differing"] == ["file"]
    Path(made["uri"]).unlink()
    found = verify(store.database, 1)
    assert (found["same"], found["file_found"]) == (True, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--release", "9"), "no such release"),
        (("--views", "unknown"), "feature view unknown"),
        (("--instant", "note"), "of that type: opened_at"),
        (("--label", "unknown"), "label unknown"),
    ],
)
def test_wrong_datasets_are_refused_and_leave_nothing(
    store: SmallStore, options: tuple[str, ...], words: str
) -> None:
    """Wrong usage has exit code 2 and leaves no copy, no file and no record."""
    assert words in json.dumps(create(store.database, *options, exit_code=2))
    assert store.database.value("select count(*) from ops.datasets") == 0
    assert store.database.value("select count(*) from pg_tables where schemaname = 'datasets'") == 0


def test_bound_release_is_not_compacted(store: SmallStore) -> None:
    """A dataset keeps its release from compaction."""
    create(store.database)
    for stars in (1, 2, 3):
        store.rows("repository_activity", [repository(1, 1, stars)])
        store.publish()
    assert store.compact(1).releases == [2, 3]


async def test_gate_stops_features_from_after_the_label() -> None:
    """One as_of after its instant fails the gate, whatever the values are."""
    view = PublishedView("activity", 1, (("id", "bigint"),), ())
    gate = LeakageGate((view,), "opened_at", [])
    instants = pa.array([at(1), at(1), at(1)], pa.timestamp("us", "UTC"))
    as_of = pa.array([at(1), None, at(2)], pa.timestamp("us", "UTC"))
    gate.look(pa.table({"id": [1, 2, 3], "opened_at": instants, "activity__as_of": as_of}))
    with pytest.raises(Exception, match="1 of activity") as raised:
        await gate.require_none(None, None)  # type: ignore[arg-type]
    assert getattr(raised.value, "exit_code", None) == 3


def test_parts_depend_on_values_alone() -> None:
    """Slices, chunks and what stands behind a null do not count; every value does."""

    def parts(table: pa.Table) -> dict[str, str]:
        found = Parts(table.schema)
        found.update(table.combine_chunks())
        return found.as_dict()

    columns = {
        "n": pa.array([1, None, 3], pa.int64()),
        "t": pa.array(["a", None, "ccc"]),
        "b": pa.array([True, None, False]),
        "f": pa.array([0.5, None, 2.0]),
        "at": pa.array([at(1), None, at(3)], pa.timestamp("us", "UTC")),
    }
    table = pa.table(columns)
    sliced = pa.concat_tables([table.slice(2), table]).slice(1)
    hidden = pa.Array.from_buffers(
        pa.int64(), 3, [table["n"].chunk(0).buffers()[0], pa.array([1, 7, 3]).buffers()[1]]
    )
    assert parts(sliced) == parts(table)
    assert parts(table.set_column(0, "n", hidden)) == parts(table)
    for name, column in columns.items():
        other = pa.concat_arrays([column.slice(0, 2), column.slice(0, 1)])
        changed = parts(table.set_column(table.column_names.index(name), name, other))
        assert {part for part, digest in changed.items() if digest != parts(table)[part]} == {
            f"column {name}"
        }


@pytest.fixture(scope="module")
def hours(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Generated hours, landed, built with all gates and published."""
    folder = tmp_path_factory.mktemp("hours")
    first = datetime(2024, 3, 1, tzinfo=UTC)
    write_hours(folder, first, first.replace(hour=7), events_per_hour=1000)
    with databases.new() as database:
        database.headgate("land", "gharchive", *sorted(folder.glob("*.json.gz")))
        database.dbt("build", "--exclude", "test_type:unit")
        database.headgate("publish")
        yield database


@pytest.mark.slow
def test_leakage_gate_recounts_from_events(hours: Database) -> None:
    """On built hours every sampled feature equals its recount; a wrong one is refused and leaves nothing."""
    spine = ("--spine", "training.pull_request_outcomes")
    made = json.loads(hours.headgate("dataset", "create", "pull_requests", *spine, "--json").stdout)
    assert made["label"] == "is_merged"
    assert set(made["leakage"]["from_events"].values()) == {made["leakage"]["sampled"]}
    assert verify(hours, made["dataset_id"])["same"]
    damage = "update feature_store.actor_activity_history set events_count_7d = events_count_7d + {}"
    hours.query(damage.format(1))
    refused = hours.headgate("dataset", "create", "other", *spine, "--json", exit_code=3)
    hours.query(damage.format(-1))
    assert "actor_activity__events_count_7d" in json.loads(refused.stderr)["found"]
    assert hours.value("select count(*) from pg_tables where schemaname = 'datasets'") == 1
    assert hours.value("select count(*) from ops.datasets") == 1


@pytest.mark.slow
def test_leakage_gate_says_what_it_can_no_longer_recount(hours: Database) -> None:
    """After a load that has been replaced, the history is searched instead, and the record says so."""
    hours.query(
        "update ops.loads set status = 'replaced'"
        " where partition_start = (select min(partition_start) from ops.loads)"
    )
    spine = ("--spine", "training.pull_request_outcomes")
    made = json.loads(hours.headgate("dataset", "create", "replaced", *spine, "--json").stdout)
    leakage = made["leakage"]
    assert all(leakage["from_history"].values())
    for view, recounted in leakage["from_events"].items():
        assert recounted + leakage["from_history"][view] == leakage["sampled"]
