"""Publishing feature views whose columns, versions or number changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headgate.change import Change
from headgate.errors import ConfirmationRequired, HeadgateError
from headgate.planning import approvals
from headgate.planning.plan import Plan
from headgate.postgres.connection import Connection
from tests.support import Database
from tests.toy_store import ToyStore, built_store, publish_new


@pytest.fixture
def store(database: Database) -> ToyStore:
    """Feature views that are built and proven, nothing published."""
    return built_store(database)


def test_a_rolled_back_change_of_shape_is_not_published_again(store: ToyStore) -> None:
    """Additive or approved: it stays where the rollback left it, also across several changes."""
    publish_new(store)
    store.database.query("alter table features.toy_activity add column likes integer default 4")
    publish_new(store)
    store.database.query("alter table features.toy_activity alter column events_count type text")
    store.approve()
    publish_new(store)
    store.database.query("alter table features.toy_activity drop column rate; delete from ops.approvals")
    store.approve()
    publish_new(store)
    for release in (3, 2, 1):
        store.roll(release)
        assert store.publish() is None
        assert store.active() == release
    store.database.query("alter table features.toy_activity add column forks integer")
    with pytest.raises(ConfirmationRequired, match="dropped column rate"):
        store.publish()
    store.roll(4)
    assert publish_new(store).as_dict()["changes"] == ["toy_activity: added column forks"]


def test_a_new_column_is_additive(store: ToyStore) -> None:
    """It appears by itself; the release before does not have it, and comes back without it."""
    publish_new(store)
    store.database.query("alter table features.toy_activity add column likes integer default 4")
    published = publish_new(store)
    assert published.as_dict()["changes"] == ["toy_activity: added column likes"]
    assert store.database.value("select sum(likes) from feature_store.toy_activity") == 8
    store.roll(1)
    assert "likes" not in columns(store.database, "toy_activity")
    store.roll(2)
    assert store.database.value("select sum(likes) from feature_store.toy_activity") == 8


def test_whoever_reads_a_view_reads_it_with_other_columns(store: ToyStore) -> None:
    """A publish and a rollback that change a view's columns keep what was granted on it."""
    publish_new(store)
    role = "store reader"
    store.database.query(
        f'drop role if exists "{role}"; create role "{role}";'
        f'grant select on feature_store.toy_activity to public, "{role}"'
    )
    granted = (
        "select array(select unnest(relacl)::text order by 1)"
        " from pg_class where oid = 'feature_store.toy_activity'::regclass"
    )
    before = store.database.value(granted)
    store.database.query("alter table features.toy_activity add column likes integer default 4")
    publish_new(store)
    assert "likes" in columns(store.database, "toy_activity")
    assert store.database.value(granted) == before
    store.roll(1)
    assert "likes" not in columns(store.database, "toy_activity")
    assert store.database.value(granted) == before
    store.database.query(f'drop owned by "{role}"; drop role "{role}"')


def test_a_dropped_column_is_refused_until_approved(store: ToyStore) -> None:
    """Its values stay with the releases that had it."""
    publish_new(store)
    store.database.query("alter table features.toy_activity drop column rate")
    with pytest.raises(ConfirmationRequired, match="toy_activity: dropped column rate"):
        store.publish()
    assert store.active() == 1
    store.approve()
    publish_new(store)
    assert "rate" not in columns(store.database, "toy_activity")
    store.roll(1)
    assert store.database.value("select sum(rate) from feature_store.toy_activity") == 0.5


def test_another_type_keeps_the_old_values_beside_the_new(store: ToyStore) -> None:
    """A retyped column is stored apart; each release shows its own."""
    publish_new(store)
    store.database.query("alter table features.toy_activity alter column events_count type text")
    store.approve()
    publish_new(store)
    assert columns(store.database, "toy_activity")["events_count"] == "text"
    assert store.database.value("select max(events_count) from feature_store.toy_activity") == "6"
    store.roll(1)
    assert columns(store.database, "toy_activity")["events_count"] == "bigint"
    assert store.database.value("select sum(events_count) from feature_store.toy_activity") == 11


def test_a_new_version_stands_beside_the_old_one(store: ToyStore) -> None:
    """Named <view>_v2 by dbt; consumers move when they want."""
    publish_new(store)
    store.database.query(
        "create table features.toy_activity_v2 (like features.toy_activity including all);"
        "select ops.hand_over('features.toy_activity_v2');"
        "insert into features.toy_activity_v2 select * from features.toy_activity"
    )
    with pytest.raises(HeadgateError, match="not built: toy_activity_v2"):
        store.publish()
    store.database.query(
        "insert into ops.built_partitions (model, source, partition_start, upstream_version, version)"
        " select 'toy_activity_v2', source, partition_start, upstream_version, version"
        " from ops.built_partitions where model = 'toy_activity';"
        "insert into ops.certified_partitions (model, source, partition_start, version)"
        " select 'toy_activity_v2', source, partition_start, version"
        " from ops.certified_partitions where model = 'toy_activity'"
    )
    publish_new(store)
    versions = store.database.query(
        "select view, version from ops.release_views where release_id = 2 order by 1"
    )
    assert versions == [("pair_activity", 1), ("toy_activity", 1), ("toy_activity_v2", 2)]
    assert store.database.value("select count(*) from feature_store.toy_activity_v2_online") == 2


def test_a_removed_view_goes_when_approved_and_comes_back(store: ToyStore) -> None:
    """Its rows end with the release before."""
    publish_new(store)
    store.database.query(
        "drop table features.pair_activity; delete from ops.built_partitions where model = 'pair_activity'"
    )
    with pytest.raises(ConfirmationRequired, match="pair_activity: removed view"):
        store.publish()
    store.approve()
    publish_new(store)
    assert store.database.value("select to_regclass('feature_store.pair_activity') is null")
    assert store.database.value("select count(*) from feature_store.pair_activity_online") == 0
    store.roll(1)
    assert store.database.value("select count(*) from feature_store.pair_activity") == 1
    assert store.database.value("select count(*) from feature_store.pair_activity_online") == 1


def test_an_approval_lets_its_changes_pass_once(store: ToyStore) -> None:
    """The same view, removed at another time, has to be approved again; so has its plan."""
    publish_new(store)
    removal = Change(layer="feature_store", name="pair_activity", kind="removed view", breaking=True)
    nothing: dict[str, Any] = {name: [] for name in ("rebuild", "build", "drop", "problems", "views")}
    plan = Plan(changes=[removal], release=1, partitions=1, observed=[], datasets=[], **nothing)

    def approved(first: bool) -> bool:
        async def work(connection: Connection) -> bool:
            if first:
                await approvals.approve(connection, plan, plan.hash)
            return await approvals.is_approved(connection, plan)

        return store.connected(work)

    kept = "create table kept_activity as table features.pair_activity"
    removed = (
        "delete from ops.built_partitions where model = 'pair_activity'; drop table features.pair_activity"
    )
    assert approved(True)
    store.database.query(f"{kept}; {removed}")
    assert publish_new(store).release_id == 2
    assert not approved(False)
    assert store.database.query("select applied_release from ops.approvals") == [(2,)]

    store.database.query(
        "create table features.pair_activity ("
        "  toy_id bigint, other_id bigint, as_of timestamptz, events_count bigint not null, rate float8,"
        "  primary key (toy_id, other_id, as_of)"
        "); select ops.hand_over('features.pair_activity');"
        "insert into features.pair_activity table kept_activity"
    )
    store.certify()
    assert publish_new(store).as_dict()["changes"] == ["pair_activity: added view"]
    store.database.query(removed)
    with pytest.raises(ConfirmationRequired, match="pair_activity: removed view"):
        store.publish()
    assert approved(True)
    assert publish_new(store).release_id == 4
    assert not approved(False)


def test_the_last_view_goes_when_approved_too(store: ToyStore) -> None:
    """A release without views; the one before it can be rolled back to."""
    publish_new(store)
    store.database.query(
        "drop table features.pair_activity, features.toy_activity;"
        "delete from ops.built_partitions where model in ('pair_activity', 'toy_activity')"
    )
    with pytest.raises(ConfirmationRequired, match="toy_activity: removed view"):
        store.publish()
    store.approve()
    assert publish_new(store).loads_removed == [1]
    assert store.database.value("select to_regclass('feature_store.toy_activity') is null")
    assert store.publish() is None
    store.roll(1)
    assert store.seen() == store.rows
    assert store.publish() is None


@pytest.mark.parametrize("key", ["another_id bigint", "toy_id text"])
def test_a_view_that_comes_back_has_the_key_it_had(store: ToyStore, key: str) -> None:
    """Its history goes by that key: another name is free."""
    publish_new(store)
    store.database.query(
        "drop table features.toy_activity; delete from ops.built_partitions where model = 'toy_activity'"
    )
    store.approve()
    publish_new(store)
    store.database.query(
        f"create table features.toy_activity ({key} not null, as_of timestamptz, events_count bigint,"
        f" primary key ({key.split()[0]}, as_of)); select ops.hand_over('features.toy_activity')"
    )
    store.certify()
    with pytest.raises(HeadgateError, match=f"changed keys: toy_id bigint -> {key}") as refused:
        store.publish()
    assert "another name" in refused.value.next_step


def test_a_table_without_a_key_is_refused(store: ToyStore) -> None:
    """With the words that mend it; where dbt made it. What else is kept there concerns nobody."""
    store.database.query("create table features.loose (toy_id bigint, as_of timestamptz)")
    store.database.query("create table features.own (like features.toy_activity including indexes)")
    publish_new(store)
    store.database.query("select ops.hand_over('features.loose')")
    with pytest.raises(HeadgateError, match="primary key"):
        store.publish()


def test_a_change_of_shape_waits_for_no_reader_long(store: ToyStore) -> None:
    """It gives its place in the queue back, so that readers behind it go on, and tries again."""
    publish_new(store)
    store.database.query("alter table features.toy_activity add column likes integer default 4")

    async def work() -> None:
        from headgate import postgres
        from headgate.store.publish import publish as publish_now

        holder = await postgres.connect(store.database.settings)
        reader = await postgres.connect(store.database.settings)
        publisher = await postgres.connect(store.database.settings)
        try:
            async with holder.transaction(readonly=True):
                await holder.fetch("select * from feature_store.toy_activity")
                task = asyncio.create_task(publish_now(publisher, store.database.settings))
                # A reader that waits longer for a lock fails; the machine may be as slow as it likes.
                await reader.execute("set lock_timeout = '1s'")
                for _ in range(100):
                    await reader.fetch("select * from feature_store.toy_activity_online")
                    await asyncio.sleep(0.01)
                assert not task.done()
            assert await task is not None
        finally:
            for connection in (holder, reader, publisher):
                await connection.close()

    asyncio.run(work())
    assert "likes" in columns(store.database, "toy_activity")


def columns(database: Database, view: str) -> dict[str, str]:
    """Columns and types of a plain view."""
    return dict(
        database.query(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0",
            f"feature_store.{view}",
        )
    )
