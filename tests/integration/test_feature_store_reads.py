"""`headgate.FeatureStore`: online reads and reads at an instant, from one release each."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

import headgate
from headgate import FeatureStore
from headgate.errors import HeadgateError, UsageError
from tests.small_store import SmallStore, at, contributor, first_release, repository
from tests.support import Database
from tests.toy_store import built_store, publish_new


@pytest.fixture
def store(database: Database) -> SmallStore:
    """Release 1: two repositories and one contributor."""
    return first_release(database)


async def test_online_is_the_newest_row_with_its_release(store: SmallStore) -> None:
    """One key of one view: typed values, as_of, release and how far it is processed."""
    async with FeatureStore(store.database.dsn) as features:
        answer = await features.online("repository_activity", {"repository_id": 1})
    found = answer[0]["repository_activity"]
    assert found is not None
    assert found.as_of == at(3)
    assert found.as_dict() == {
        "stars_count_24h": 20,
        "merge_rate_7d": 0.5,
        "is_busy": True,
        "first_seen_at": at(0),
    }
    assert (answer.release, answer.processed_to) == (1, at(1))


async def test_entities_without_features_are_absent(store: SmallStore) -> None:
    """Many keys of several views come in the order asked; what is not there is None, not a row of nulls."""
    keys = [{"actor_id": 9, "repository_id": number} for number in (2, 404, 1, 2)]
    async with FeatureStore(store.database.dsn) as features:
        answer = await features.online(["repository_activity", "contributor_activity"], keys)
    stars = [
        found and found["stars_count_24h"] for found in (entity["repository_activity"] for entity in answer)
    ]
    assert stars == [7, None, 20, 7]
    assert answer.missing == [
        (0, "contributor_activity"),
        (1, "repository_activity"),
        (1, "contributor_activity"),
        (3, "contributor_activity"),
    ]


async def test_a_key_may_be_called_place(database: Database) -> None:
    """Entities that are read together are numbered under a name that no key has."""
    toys = built_store(database)
    for table in ("features.toy_activity", "ops.changed_toy_activity"):
        database.query(f"alter table {table} rename column toy_id to place")
    publish_new(toys)
    async with FeatureStore(database.dsn) as features:
        answer = await features.online("toy_activity", [{"place": 2}, {"place": 1}])
    found = [entity["toy_activity"] for entity in answer]
    assert [one and one["events_count"] for one in found] == [6, 5]


async def test_no_keys_are_no_entities(store: SmallStore) -> None:
    """An empty list of keys is answered by no entity, with the release."""
    async with FeatureStore(store.database.dsn) as features:
        answer = await features.online("repository_activity", [])
    assert (len(answer), answer.release) == (0, 1)


@pytest.mark.parametrize(("hours", "stars"), [(0.5, None), (1, 5), (2.99, 5), (3, 20), (9, 20)])
async def test_as_of_is_the_newest_row_at_the_instant(
    store: SmallStore, hours: float, stars: int | None
) -> None:
    """The row with as_of = t counts; before the first one there is nothing."""
    async with FeatureStore(store.database.dsn) as features:
        for keys in ({"repository_id": 1}, [{"repository_id": 1}, {"repository_id": 1}]):
            answer = await features.as_of("repository_activity", keys, at(hours))
            found = answer[0]["repository_activity"]
            assert (found and found["stars_count_24h"]) == stars


async def test_as_of_reads_older_releases(store: SmallStore) -> None:
    """A correction is seen in the release that made it, not in the one before."""
    store.rows("repository_activity", [repository(1, 1, 6), repository(1, 3, 20, 0.5)])
    assert store.publish() == 2
    key = {"repository_id": 1}
    async with FeatureStore(store.database.dsn) as features:
        for release, stars in ((1, 5), (2, 6), (None, 6)):
            answer = await features.as_of("repository_activity", key, at(1), release=release)
            found = answer[0]["repository_activity"]
            assert found is not None
            assert (found["stars_count_24h"], answer.release) == (stars, release or 2)
        gone = await features.online("repository_activity", {"repository_id": 2})
    assert gone.missing == [(0, "repository_activity")]


async def test_store_follows_publish_rollback_and_new_columns(store: SmallStore) -> None:
    """One open store: a column more after a publish, a column less after the rollback, without an error."""
    async with FeatureStore(store.database.dsn) as features:

        async def columns() -> tuple[int, list[str]]:
            answer = await features.online("repository_activity", {"repository_id": 1})
            found = answer[0]["repository_activity"]
            assert found is not None
            return answer.release, list(found)

        first = await columns()
        store.database.query(
            "alter table features.repository_activity add column forks_count_7d bigint default 4"
        )
        assert await asyncio.to_thread(store.publish) == 2
        assert await columns() == (2, [*first[1], "forks_count_7d"])
        await asyncio.to_thread(store.roll, 1)
        assert await columns() == first
        await asyncio.to_thread(store.roll, 2)
        store.database.query(
            "alter table features.repository_activity alter stars_count_24h type double precision"
        )
        assert await asyncio.to_thread(store.publish) == 3
        answer = await features.online("repository_activity", {"repository_id": 1})
        found = answer[0]["repository_activity"]
        assert found is not None
        assert isinstance(found["stars_count_24h"], float)


async def test_store_survives_tables_that_change_under_it(store: SmallStore) -> None:
    """A prepared statement whose result type changed is prepared anew."""
    async with FeatureStore(store.database.dsn) as features:
        await features.online("repository_activity", {"repository_id": 1})
        store.database.query(
            "alter table feature_store.repository_activity_online alter stars_count_24h type integer"
        )
        answer = await features.online("repository_activity", {"repository_id": 1})
    assert answer.missing == []


async def test_store_finds_views_published_later(store: SmallStore) -> None:
    """A view that a later release adds is found by a store that was open before."""
    async with FeatureStore(store.database.dsn) as features:
        await features.online("repository_activity", {"repository_id": 1})
        store.view("late", {"name": "text"}, {"score": "double precision"})
        store.rows("late", [{"name": "a", "as_of": at(1), "score": 0.25}])
        await asyncio.to_thread(store.publish)
        answer = await features.online("late", [{"name": "a"}, {"name": "b"}])
    found = answer[0]["late"]
    assert found is not None
    assert found["score"] == 0.25
    assert answer.missing == [(1, "late")]


async def test_store_survives_a_lost_connection(store: SmallStore) -> None:
    """A connection that the server ended is replaced without an error."""
    async with FeatureStore(store.database.dsn) as features:
        await features.online("repository_activity", {"repository_id": 1})
        store.database.query(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'headgate feature store' and datname = current_database()"
        )
        answer = await features.online("repository_activity", {"repository_id": 1})
    assert answer.missing == []


@pytest.mark.parametrize(
    ("views", "keys", "subject", "words"),
    [
        (
            "unknown",
            {"repository_id": 1},
            "feature view unknown",
            "contributor_activity, repository_activity",
        ),
        ([], {"repository_id": 1}, "views", "none"),
        ("repository_activity", {"repository": 1}, "entity key", "no repository_id; also repository"),
        ("repository_activity", [{"repository_id": 1}, {}], "entity key", "no repository_id"),
        ("repository_activity", {"repository_id": "1"}, "key column repository_id", "a Python str"),
        ("repository_activity", {"repository_id": True}, "key column repository_id", "a Python bool"),
        ("repository_activity", {"repository_id": None}, "key column repository_id", "None"),
        ("repository_activity", {"repository_id": 2**63}, "entity keys", "cannot take"),
    ],
)
async def test_wrong_reads_are_explained(
    store: SmallStore, views: str, keys: dict[str, int], subject: str, words: str
) -> None:
    """An unknown view, key column or key type is named, with what would be right."""
    async with FeatureStore(store.database.dsn) as features:
        with pytest.raises(UsageError) as raised:
            await features.online(views, keys)
    assert raised.value.subject == subject
    assert words in raised.value.found


async def test_wrong_releases_and_instants_are_explained(store: SmallStore) -> None:
    """Unknown, abandoned and compacted releases are told apart; an instant needs a time zone."""
    for stars in (6, 7, 8):
        store.rows("repository_activity", [repository(1, 1, stars)])
        store.publish()
    store.roll(3)
    store.rows("repository_activity", [repository(1, 1, 9)])
    assert store.publish() == 5
    key = {"repository_id": 1}
    async with FeatureStore(store.database.dsn) as features:
        answer = await features.as_of("repository_activity", key, at(2), release=1)
        assert answer.release == 1
        for release, found in ((77, "no such release"), (4, "it was abandoned")):
            with pytest.raises(UsageError, match=found) as raised:
                await features.as_of("repository_activity", key, at(2), release=release)
            assert raised.value.subject == f"release {release}"
        store.compact(1)
        with pytest.raises(UsageError, match="it was compacted"):
            await features.as_of("repository_activity", key, at(2), release=1)
        with pytest.raises(UsageError, match="time zone"):
            await features.as_of("repository_activity", key, datetime(2026, 3, 1))  # noqa: DTZ001


async def test_nothing_published_is_explained(database: Database) -> None:
    """Before the first publish a read says so."""
    async with FeatureStore(database.dsn) as features:
        with pytest.raises(UsageError, match="headgate publish"):
            await features.online("repository_activity", {"repository_id": 1})


async def test_consumers_need_rights_on_one_schema_only(store: SmallStore) -> None:
    """A role that may read feature_store alone reads; one that may not is told what is missing."""
    store.database.query("drop role if exists consumer")
    store.database.query("create role consumer login password 'reads'")
    dsn = store.database.dsn.replace("postgres@", "consumer:reads@")
    async with FeatureStore(dsn) as features:
        with pytest.raises(HeadgateError, match="grant usage on schema feature_store"):
            await features.online("repository_activity", {"repository_id": 1})
    store.database.query("grant usage on schema feature_store to consumer")
    store.database.query("grant select on all tables in schema feature_store to consumer")
    async with FeatureStore(dsn) as features:
        answer = await features.online("repository_activity", {"repository_id": 1})
        past = await features.as_of("repository_activity", {"repository_id": 1}, at(1), release=1)
    assert answer.missing == past.missing == []
    store.database.query("drop owned by consumer")
    store.database.query("drop role consumer")


async def test_reads_never_mix_releases(store: SmallStore) -> None:
    """Readers of two views and both tables, while releases and rollbacks follow: always one release."""
    changes = 12

    def change() -> None:
        for step in range(2, 2 + changes):
            store.rows("repository_activity", [repository(1, 3, 100 + step)])
            store.rows("contributor_activity", [contributor(9, 1, 1, 100 + step)])
            release = store.publish()
            store.roll(release - 1)
            store.roll(release)

    async def read(features: FeatureStore, writer: asyncio.Future[None]) -> int:
        reads = 0
        key = {"actor_id": 9, "repository_id": 1}
        views = ["repository_activity", "contributor_activity"]
        while not writer.done():
            for answer in (await features.online(views, key), await features.as_of(views, [key, key], at(5))):
                one, other = answer[0]["repository_activity"], answer[0]["contributor_activity"]
                assert one is not None
                assert other is not None
                both = (one["stars_count_24h"], other["events_count_24h"])
                assert both == (
                    (20, 3) if answer.release == 1 else (100 + answer.release, 100 + answer.release)
                )
                reads += 1
        return reads

    async with FeatureStore(store.database.dsn, connections=4) as features:
        writer = asyncio.ensure_future(asyncio.to_thread(change))
        reads = await asyncio.gather(*(read(features, writer) for _ in range(4)))
        await writer
    assert min(reads) > changes


def test_sync_store_answers_the_same(store: SmallStore) -> None:
    """Without asyncio, also inside a running loop's thread, the answers are the same."""
    with FeatureStore.sync(store.database.dsn) as features:
        answer = features.online("repository_activity", [{"repository_id": 1}])
        past = features.as_of("repository_activity", {"repository_id": 1}, at(1))
        assert features.release().release_id == 1

        async def inside_a_loop() -> int:
            return features.online("repository_activity", {"repository_id": 2}).release

        assert asyncio.run(inside_a_loop()) == 1
    found, before = answer[0]["repository_activity"], past[0]["repository_activity"]
    assert found is not None
    assert before is not None
    assert (found["stars_count_24h"], before["stars_count_24h"]) == (20, 5)


def test_unreachable_server_is_explained() -> None:
    """No server: one error that says where it was looked for."""
    with (
        FeatureStore.sync("postgresql://nobody@127.0.0.1:9/none") as features,
        pytest.raises(HeadgateError, match=r"127\.0\.0\.1:9"),
    ):
        features.online("repository_activity", {"repository_id": 1})


def test_package_exports_the_store_lazily() -> None:
    """`headgate.FeatureStore` is the class; other names are unknown as ever."""
    assert headgate.FeatureStore is FeatureStore
    assert not hasattr(headgate, "Nothing")
