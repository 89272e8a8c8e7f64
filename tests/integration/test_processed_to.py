"""How far each feature view is processed: by the events of its sources, whenever they landed."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate import FeatureStore, postgres
from headgate.dataset.create import create
from headgate.dataset.verify import verify
from headgate.landing import Message, open_appender
from headgate.postgres.state import read_state
from headgate.store.reports import of_publish
from tests.integration.landing_files import event
from tests.small_store import SmallStore, at, first_release
from tests.store import HOUR
from tests.support import Database

#: The newest event of what is appended, and where its source is processed to then.
NEWEST = datetime(2020, 3, 5, 14, 50, tzinfo=UTC)
REACHED = datetime(2020, 3, 5, 15, tzinfo=UTC)
ORDERS = {"order_id": 1, "as_of": REACHED, "orders_count_24h": 3}
APPENDED = """
    insert into ops.loads (source, entity, partition_start, partition_end, newest_event_at, uri, status,
        appended, lines_read, rows_landed, rows_rejected)
    values ('orders', 'records', %s, clock_timestamp(), %s, 'none', 'landed', true, 0, 0, 0)
"""
BUILT = """
    insert into ops.built_partitions (model, source, partition_start, upstream_version, version, built_at)
    select %s, loads.contract_source, loads.partition_start,
        case when %s = 'load' then loads.load_id::text else %s || ':' || %s end, %s, now()
    from ops.loads where loads.source = any(%s)
    on conflict (model, source, partition_start) do update
    set upstream_version = excluded.upstream_version, version = excluded.version
"""


class TwoSources(SmallStore):
    """Views over an hourly source, over one that is appended to, and over both."""

    def certify(self, *, gates: bool = True) -> None:
        """Each view rests on its own sources."""
        version = str(uuid.uuid4())
        views = {
            name
            for (name,) in self.database.query(
                "select tablename::text from pg_tables where schemaname = 'features'"
            )
        }
        hourly = {"repository_activity", "contributor_activity"} & views
        rests_on = {
            "stg_gharchive__events": ("load", ["gharchive"]),
            "stg_orders__records": ("load", ["orders"]),
            **{view: ("stg_gharchive__events", ["gharchive"]) for view in hourly},
            **(
                {"orders_activity": ("stg_orders__records", ["orders"])} if "orders_activity" in views else {}
            ),
        }
        for model, (upstream, sources) in rests_on.items():
            self.database.query(BUILT, model, upstream, upstream, version, version, sources)
        if "both_activity" in views:
            for upstream, source in (
                ("stg_gharchive__events", "gharchive"),
                ("stg_orders__records", "orders"),
            ):
                self.database.query(BUILT, "both_activity", upstream, upstream, version, version, [source])
        self.database.query(
            "insert into ops.certified_partitions (model, source, partition_start, version, certified_at)"
            " select model, source, partition_start, version, now() from ops.built_partitions"
            " on conflict (model, source, partition_start) do update set version = excluded.version"
        )

    def append(self, newest: datetime) -> None:
        """Says that a file of orders landed now."""
        self.database.query(APPENDED, newest - HOUR, newest)


@pytest.fixture
def store(database: Database) -> TwoSources:
    """Release 1 is of the hourly source; a file of years ago was appended to the other one since."""
    first_release(database)
    store = TwoSources(database)
    store.append(NEWEST)
    store.view("orders_activity", {"order_id": "bigint"}, {"orders_count_24h": "bigint"})
    store.rows("orders_activity", [ORDERS])
    return store


def processed_to(store: SmallStore) -> dict[str, Any]:
    """What the feature store says to those who read SQL."""
    return dict(store.database.query("select view, processed_to from feature_store.active_views"))


async def test_each_view_goes_as_far_as_its_own_source(store: TwoSources) -> None:
    """A second source says nothing of the first: in SQL, in answers, in training sets, in the release."""
    assert store.publish() == 2
    hourly = {"repository_activity": at(1), "contributor_activity": at(1)}
    assert processed_to(store) == {**hourly, "orders_activity": REACHED}
    async with FeatureStore(store.database.dsn) as features:
        one = await features.online("repository_activity", {"repository_id": 1})
        assert (
            one.processed_to_by_view
            == {"repository_activity": one.processed_to}
            == {"repository_activity": at(1)}
        )
        names, key = ["repository_activity", "orders_activity"], {"repository_id": 1, "order_id": 1}
        for both in (await features.online(names, key), await features.as_of(names, [key], at(9), release=2)):
            assert both.processed_to_by_view == {"repository_activity": at(1), "orders_activity": REACHED}
            assert both.processed_to == REACHED
        release = await features.release(2)
        assert release.views["orders_activity"].processed_to == release.processed_to == REACHED


async def test_an_answer_says_how_far_the_release_is_that_it_is_from(store: TwoSources) -> None:
    """Also the first answer after a publish, whose views have the shape that was remembered."""
    store.publish()
    async with FeatureStore(store.database.dsn) as features:
        assert (await features.online("orders_activity", {"order_id": 1})).processed_to == REACHED
        store.append(NEWEST + 24 * HOUR)
        store.publish()
        for _ in range(2):
            answer = await features.online("orders_activity", {"order_id": 1})
            assert (answer.release, answer.processed_to) == (3, REACHED + 24 * HOUR)


def test_a_view_over_two_sources_goes_as_far_as_both(store: TwoSources) -> None:
    """The one that lags behind decides, whichever it is."""
    store.view("both_activity", {"order_id": "bigint"}, {"orders_count_24h": "bigint"})
    store.rows("both_activity", [ORDERS])
    store.publish()
    assert processed_to(store)["both_activity"] == REACHED
    store.append(at(72))
    store.publish()
    assert processed_to(store) == {
        "orders_activity": at(73),
        **dict.fromkeys(("repository_activity", "contributor_activity", "both_activity"), at(1)),
    }


def test_people_see_it_by_view(store: TwoSources) -> None:
    """In `headgate status`, in the report of the publish and in `headgate releases show`."""
    store.certify()
    store.approve()
    published = store.publish_built(compare_all=True)
    assert published is not None
    told = (
        "2026-03-01 01:00 UTC: contributor_activity, repository_activity;"
        " 2020-03-05 15:00 UTC: orders_activity"
    )
    assert dict(read_state(store.database.settings).facts())["processed to"] == told
    assert f"processed to {told}." in of_publish(published).text()
    assert published.as_dict()["processed_to"] == REACHED.isoformat()
    assert published.as_dict()["views"]["repository_activity"]["processed_to"] == at(1).isoformat()
    shown = store.database.headgate("releases", "show", "2").stdout
    assert "2020-03-05 15:00 UTC" in next(line for line in shown.splitlines() if "orders_activity" in line)
    as_json = json.loads(store.database.headgate("releases", "show", "2", "--json").stdout)
    assert {view["view"]: view["processed_to"] for view in as_json["views"]} == {
        "orders_activity": REACHED.isoformat(),
        "repository_activity": at(1).isoformat(),
        "contributor_activity": at(1).isoformat(),
    }


def now() -> datetime:
    """The time, with a margin: what is older was there before the test began to land."""
    return datetime.now(UTC) - timedelta(seconds=2)


@pytest.mark.parametrize(
    ("times", "reached"),
    [
        (["2020-03-05T14:50:00Z", "2020-03-05T13:00:00Z"], REACHED),
        (["2020-03-05T14:00:00Z"], REACHED),
        (["2020-03-05T14:59:59.999999Z"], REACHED),
        (["2020-03-05T14:50:00Z", "2999-01-01T00:00:00Z"], REACHED),
        (["now"], "the hour that runs"),
        (["none"], "the landing"),
        (["2999-01-01T00:00:00Z"], "the landing"),
    ],
    ids=[
        "within an hour",
        "full hour",
        "last instant",
        "one to come",
        "now",
        "no time",
        "only times to come",
    ],
)
def test_what_is_appended_reaches_as_far_as_its_events(
    database: Database, times: list[str], reached: datetime | str
) -> None:
    """To the end of the newest event's hour, once that is over; without any event's time, to the landing."""
    began = now()
    told = {"now": f"{began:%Y-%m-%dT%H:%M:%S.%fZ}", "none": "unreadable"}
    sent = [
        Message(str(n), json.dumps(event(n, created_at=told.get(at, at))).encode())
        for n, at in enumerate(times)
    ]

    async def work() -> None:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            await appender.append(sent)

    asyncio.run(work())
    found, landed = database.query("select reaches_to, partition_end from ops.loads")[0]
    running = began.replace(minute=0, second=0, microsecond=0)
    running += HOUR if landed >= running + HOUR else timedelta(0)
    assert found == {"the hour that runs": running, "the landing": landed}.get(str(reached), reached)


def test_existing_releases_are_carried_over_and_back(store: TwoSources) -> None:
    """From one number by landing time to one per view by event time; back and forward loses nothing."""
    store.labels({"repository_id": "bigint", "opened_at": "timestamptz"}, [(1, at(2))])
    store.publish()
    by_view = processed_to(store)
    landed = store.database.value("select max(partition_end) from ops.loads")
    postgres.migrate(store.database.dsn, "0016")
    numbers = "select release_id, processed_to from ops.releases order by 1"
    assert store.database.query(numbers) == [(1, at(1)), (2, landed)]
    assert store.database.value("select processed_to from feature_store.active_release") == landed
    # As the version before kept it: the newest event stood in the landing table alone.
    store.database.query(
        "create schema staging_orders; create table staging_orders.records as"
        " select load_id, timestamptz '2020-03-05 14:50Z' as recorded_at from ops.loads where appended"
    )
    postgres.migrate(store.database.dsn)
    assert processed_to(store) == by_view
    assert store.database.query(numbers) == [(1, at(1)), (2, REACHED)]


def test_datasets_stay_what_they_are_when_releases_are_carried_over(store: TwoSources) -> None:
    """The file says how far the views were processed when it was made; made again, it says the same."""
    store.labels({"repository_id": "bigint", "opened_at": "timestamptz"}, [(1, at(2)), (1, at(0.5))])
    store.publish()
    settings = store.database.settings

    async def made_and_verified() -> bool:
        made = await create(settings, "labels", spine_model="training.labels", views=["repository_activity"])
        assert made.processed_to == at(1)
        assert made.leakage["after_processed_to"] == {"repository_activity": 1}
        return (await verify(settings, made.dataset_id)).same

    assert asyncio.run(made_and_verified())
    store.database.query("update ops.release_views set processed_to = %s", at(3))
    assert asyncio.run(verify(settings, 1)).same
    shown = store.database.headgate("dataset", "show", "1").stdout
    assert "instants after that have the values of then: repository_activity 1" in " ".join(shown.split())
