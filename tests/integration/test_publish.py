"""Publishing: what is refused, what a release holds, how it is rolled back and compacted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from headgate.decisions import radius
from headgate.errors import GateFailed, HeadgateError, UsageError
from headgate.pipelines import build
from headgate.postgres.connection import Connection
from tests.support import Database
from tests.toy_store import START, UPSTREAM, ToyStore, built_store, newest, publish_new


@pytest.fixture
def store(database: Database) -> ToyStore:
    """Feature views that are built and proven, nothing published."""
    return built_store(database)


def test_the_first_release_holds_what_is_built(store: ToyStore) -> None:
    """Numbered 1, without a parent; history, plain view and online table agree."""
    published = publish_new(store)
    assert (published.release_id, published.parent_release) == (1, None)
    assert published.views["toy_activity"].added == 2
    assert store.seen() == store.rows
    assert store.online() == newest(store.rows)


def test_only_what_changed_is_written(store: ToyStore) -> None:
    """A second release closes and adds the rows that differ; what was noted but is the same stays."""
    publish_new(store)
    store.write({("toy_activity", (1,), 1): (9, 0.5), ("toy_activity", (2,), 1): (6, None)})
    published = publish_new(store)
    counts = published.views["toy_activity"]
    assert (counts.added, counts.changed, counts.closed, counts.entities) == (0, 1, 0, 1)
    assert published.views["pair_activity"].entities == 0
    assert store.database.value("select count(*) from feature_store.toy_activity_history") == 3
    assert store.database.value("select count(*) from ops.changed_toy_activity") == 0


def test_nothing_new_makes_no_release(store: ToyStore) -> None:
    """Publishing twice is publishing once."""
    publish_new(store)
    assert store.publish() is None
    assert "Nothing to publish" in store.database.headgate("publish").stdout


def test_a_load_that_came_back_is_added_once(store: ToyStore) -> None:
    """Discarded, published, restored, published: nothing is new after it, and it counts as held."""
    publish_new(store)
    store.database.query(
        "insert into ops.loads (source, entity, partition_start, partition_end, uri, lines_read, rows_landed,"
        " rows_rejected, status) values ('toy', 'events', %s, %s, 'toy', 0, 0, 0, 'landed')",
        START + timedelta(hours=1),
        START + timedelta(hours=2),
    )
    for status, told in (("landed", ([2], [])), ("discarded", ([], [2])), ("landed", ([2], []))):
        store.database.query("update ops.loads set status = %s where load_id = 2", status)
        store.certify()
        if status == "discarded":
            store.database.query(
                "update ops.built_partitions set upstream_version = '-2'"
                " where model = 'stg_toy__events' and partition_start = %s",
                START + timedelta(hours=1),
            )
        published = publish_new(store)
        assert (published.loads_added, published.loads_removed) == told
    assert store.publish() is None

    async def held(connection: Connection) -> list[int]:
        return [row["release_id"] for row in await connection.fetch(radius.RELEASES, 2)]

    assert store.connected(held) == [2, 4]


def test_what_was_rolled_back_is_not_published_again(store: ToyStore) -> None:
    """An hourly run after a rollback leaves things as the rollback did, until something new is built."""
    publish_new(store)
    store.write({("toy_activity", (1,), 2): (1, None)})
    publish_new(store)
    store.roll()
    assert store.publish() is None
    assert store.active() == 1
    assert "rollback --to 2" in store.database.headgate("publish").stdout
    store.write({("toy_activity", (1,), 3): (2, None)})
    published = publish_new(store)
    assert (published.release_id, published.parent_release, published.abandoned) == (3, 1, [2])
    assert store.online() == newest(store.rows)
    with pytest.raises(UsageError, match="abandoned"):
        store.roll(2)


def test_a_table_built_anew_is_compared_whole(store: ToyStore) -> None:
    """A full refresh makes another table: what it notes is not relied on."""
    publish_new(store)
    store.database.query(
        "create table features.anew (like features.toy_activity including all);"
        "insert into features.anew select * from features.toy_activity where toy_id = 1;"
        "insert into features.anew values (3, '2016-01-01 01:00Z', 8, null);"
        "drop table features.toy_activity; alter table features.anew rename to toy_activity"
    )
    counts = publish_new(store).views["toy_activity"]
    assert (counts.added, counts.closed) == (1, 1)
    assert {key for view, key, _ in store.online() if view == "toy_activity"} == {(1,), (3,)}


def test_a_gate_that_did_not_pass_stops_the_publish(store: ToyStore) -> None:
    """Built but not proven: refused with exit code 3, naming the model."""
    store.certify(gates=False)
    with pytest.raises(GateFailed, match="no proof for"):
        store.publish()
    done = store.database.headgate("publish", exit_code=3)
    assert "nothing was published" in done.stderr
    assert store.active() is None


def test_schemas_of_another_version_stop_the_publish(store: ToyStore) -> None:
    """As they stop landing and builds: a newer Headgate would write what older ones do not keep."""
    store.database.query("update ops.schema_version set version_num = '0030'")
    refused = store.database.headgate("publish", exit_code=1).stderr
    assert "headgate up" in refused
    assert store.active() is None


def test_the_gate_that_failed_is_named(store: ToyStore) -> None:
    """With how many rows, and how to see them."""
    store.certify(gates=False)
    store.database.query(
        "insert into ops.gate_results (run_id, gate, model, status, failures)"
        " values ('r', 'not_null_toy_id', 'toy_activity', 'fail', 4)"
    )
    with pytest.raises(GateFailed, match="not_null_toy_id on toy_activity failed for 4 rows") as refused:
        store.publish()
    assert refused.value.next_step.startswith("run `headgate gates show not_null_toy_id`")


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("update ops.built_partitions set version = 'other' where model = 'stg_toy__events'", "older than"),
        ("delete from ops.built_partitions where model = 'toy_activity'", "not built: toy_activity"),
        (
            "update ops.built_partitions set upstream_version = '999' where upstream_version ~ '^[0-9]+$'",
            "older",
        ),
    ],
    ids=["typed again", "never built", "landed again"],
)
def test_what_is_older_than_its_data_is_refused(store: ToyStore, statement: str, problem: str) -> None:
    """The whole chain counts, down to the load."""
    store.database.query(statement)
    with pytest.raises(HeadgateError, match=problem):
        store.publish()


def test_an_hour_that_landed_and_was_not_built_is_noticed(store: ToyStore) -> None:
    """Every landed partition has to be in every feature view."""
    store.database.query(
        "insert into ops.loads (source, entity, partition_start, partition_end, uri, lines_read, rows_landed,"
        " rows_rejected, status) values ('toy', 'events', %s, %s, 'toy', 0, 0, 0, 'landed')",
        START + timedelta(hours=1),
        START + timedelta(hours=2),
    )
    with pytest.raises(HeadgateError, match=r"not built: .*2016-01-01T01"):
        store.publish()


def test_a_view_that_the_project_has_no_more_is_named(store: ToyStore) -> None:
    """It is not built of what landed since, and no build helps; who takes files away is told what does."""
    store.database.query(
        "delete from ops.built_partitions where model = 'toy_activity';"
        "insert into ops.model_sources values ('pair_activity', 'toy')"
    )
    with pytest.raises(HeadgateError, match=r"no model .* is called toy_activity any more") as told:
        store.publish()
    assert "headgate plan" in told.value.next_step


def test_other_sources_alone_are_nothing_to_publish(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds pass for who lands only what no feature view is built from; a view that is built counts."""
    for name, value in database.env.items():
        monkeypatch.setenv(name, value)
    store = ToyStore(database)
    store.create()
    database.query("delete from ops.certified_partitions; delete from ops.built_partitions")
    assert "nothing landed" in build.publish_features()["release"]
    assert "land what a feature view is built from" in database.headgate("publish", exit_code=1).stderr
    store.certify(gates=False)
    with pytest.raises(GateFailed):
        build.publish_features()
    build.publish_the_rest()
    assert database.value("select count(*) from ops.releases") == 0
    store.certify()
    assert build.publish_features()["release"] == 1


def test_a_build_that_failed_publishes_what_its_red_gates_do_not_concern(
    store: ToyStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The block after the failure publishes what is ready, and says so; the build counts as not done."""
    for name, value in store.database.env.items():
        monkeypatch.setenv(name, value)
    store.database.query("insert into ops.scheduled_builds (looked_at, project_hash) values (now(), 'x')")
    build.publish_the_rest()
    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["release"]) == ("published_what_no_red_gate_concerns", 1)
    assert store.seen() == store.rows
    assert (
        store.database.value("select count(*) from ops.scheduled_builds where published_at is not null") == 0
    )
    build.publish_the_rest()
    assert capsys.readouterr().out == ""


def test_upstream_is_the_model_that_views_name(store: ToyStore) -> None:
    """The chain is read from the versions themselves."""
    version = "select upstream_version from ops.built_partitions where model = 'toy_activity'"
    assert store.database.value(version).startswith(f"{UPSTREAM}:")


def test_two_publishers_do_not_interleave(store: ToyStore) -> None:
    """One of them makes the release; the other finds nothing new."""
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: store.publish(), range(4)))
    assert [outcome.release_id for outcome in outcomes if outcome] == [1]
    assert store.seen() == store.rows


def test_rollback_shows_its_plan_and_asks(store: ToyStore) -> None:
    """Exit code 4 without --yes; with it, done and undone."""
    publish_new(store)
    store.write({("toy_activity", (1,), 2): (1, None), ("toy_activity", (2,), 1): None})
    publish_new(store)
    planned = store.database.headgate("rollback", exit_code=4)
    for heading in ("Plan", "Design", "Changes", "Verification", "Rollback"):
        assert f"\n{heading}\n" in planned.stdout
    assert store.active() == 2
    done = json.loads(store.database.headgate("rollback", "--yes", "--json").stdout)
    toy = next(view for view in done["views"] if view["view"] == "toy_activity")
    assert toy == {"view": "toy_activity", "rows_gone": 1, "rows_back": 1, "entities": 2}
    assert store.active() == 1
    listed = json.loads(store.database.headgate("releases", "--json").stdout)
    assert (listed["active"], len(listed["releases"])) == (1, 2)
    store.database.headgate("rollback", "--to", "2", "--yes")
    assert store.online() == newest(store.rows)


def test_rollback_names_datasets_of_releases_that_go(store: ToyStore) -> None:
    """A dataset is named when its release goes, and not when it comes back."""
    publish_new(store)
    store.write({("toy_activity", (1,), 2): (1, None)})
    publish_new(store)
    bind_dataset(store, 2)
    back = json.loads(store.database.headgate("rollback", "--yes", "--json").stdout)
    assert back["bound"] == [{"release": 2, "what": "dataset merges version 1"}]
    forward = store.database.headgate("rollback", "--to", "2", "--yes").stdout
    assert "No dataset or model is bound to a release that goes." in forward


def test_rollback_touches_only_what_changed(store: ToyStore) -> None:
    """The rows of other entities are not written again."""
    publish_new(store)
    store.write({("toy_activity", (1,), 2): (1, None)})
    publish_new(store)
    untouched = "select ctid, xmin from feature_store.toy_activity_online where toy_id = 2"
    before = store.database.query(untouched)
    histories = "select count(*) from feature_store.toy_activity_history where xmin::text = %s"
    store.roll()
    assert store.database.query(untouched) == before
    mover = store.database.value("select xmin::text from feature_store.active_release")
    assert store.database.value(histories, mover) == 0


def test_diff_says_what_changed_by_column(store: ToyStore) -> None:
    """Both ways."""
    publish_new(store)
    store.write(
        {
            ("toy_activity", (1,), 1): (5, 0.75),
            ("toy_activity", (2,), 1): None,
            ("toy_activity", (3,), 1): (1, 1.0),
        }
    )
    publish_new(store)
    forward = {
        view["view"]: view for view in json.loads(store.database.headgate("diff", "1", "2", "--json").stdout)
    }
    assert forward["toy_activity"] | {} == {
        "view": "toy_activity",
        "rows_added": 1,
        "rows_removed": 1,
        "rows_changed": 1,
        "entities": 3,
        "columns": {"rate": 1},
        "columns_added": [],
        "columns_removed": [],
    }
    assert forward["pair_activity"]["entities"] == 0
    backward = {
        view["view"]: view for view in json.loads(store.database.headgate("diff", "2", "1", "--json").stdout)
    }
    assert backward["toy_activity"]["rows_added"] == 1
    assert "rate" in store.database.headgate("diff", "1", "2").stdout


def bind_dataset(store: ToyStore, release: int) -> None:
    """The record of a dataset that was made from a release."""
    store.database.query(
        "insert into ops.datasets (name, version, release_id, views, spine_model, spine_table, instant,"
        " row_count, label_counts, content_sha256, parts, leakage, writer, uri, created_by)"
        " values ('merges', 1, %s, '{toy_activity}', 's', 't', 'i', 0, '{}', '', '{}', '{}', '', '', '')",
        release,
    )


def test_compaction_keeps_what_datasets_are_bound_to(store: ToyStore) -> None:
    """Only rows that no kept release holds go; the plan comes first."""
    for number in range(1, 7):
        store.write({("toy_activity", (1,), 1): (number, None)})
        publish_new(store)
    bind_dataset(store, 2)
    planned = store.database.headgate("compact", "--keep", "2", exit_code=4).stdout
    assert "Kept for dataset merges version 1: release 2" in planned
    assert store.database.value("select count(*) from feature_store.toy_activity_history") == 7
    assert store.compact(2).releases == [1, 3, 4]
    held = (
        "select array_agg(valid_from_release order by 1)"
        " from feature_store.toy_activity_history where toy_id = 1"
    )
    assert store.database.value(held) == [2, 5, 6]
    assert store.seen(2)["toy_activity", (1,), 1] == (2, None)
    with pytest.raises(UsageError, match="compacted"):
        store.roll(3)
    assert json.loads(store.database.headgate("compact", "--keep", "2", "--json").stdout)["releases"] == []


def test_releases_are_told_before_anything_is_published(store: ToyStore) -> None:
    """Words instead of tracebacks."""
    assert "Nothing is published yet" in store.database.headgate("releases").stdout
    assert "nothing published yet" in store.database.headgate("rollback", exit_code=2).stderr
    assert "nothing published yet" in store.database.headgate("diff", "1", "2", exit_code=2).stderr


def test_a_release_tells_where_it_comes_from(store: ToyStore) -> None:
    """Loads, project, gates, what changed."""
    publish_new(store)
    shown = json.loads(store.database.headgate("releases", "show", "1", "--json").stdout)
    assert shown["loads_added"] == [1]
    assert len(shown["project_hash"]) == 64
    assert shown["views"][1]["rows_total"] == 2
    assert "processed to   2016-01-01 01:00 UTC" in store.database.headgate("releases", "show", "1").stdout
