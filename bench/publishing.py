"""What publishing an hour costs against building it, and what a rollback costs with a long history.

The hour lands, is typed and its features are computed as the pipeline does it; the cost of building counts
the nodes of the three feature views alone, without dbt's start and without gates. Publishing is the whole
call.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from bench.figures import Figure
from bench.hours import generated
from bench.landing import land
from bench.project import Project
from bench.servers import Database
from bench.store_data import publish_features
from bench.workbench import Workbench
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.store import rollback
from headgate.store.publish import publish

T = TypeVar("T")
AT_MOST_OF_BUILDING = 1.0
SECONDS_FOR_A_ROLLBACK = 1.0
#: Of the rows of a long history, how many the release that is rolled back had changed.
CHANGED_SHARE = 0.01


def run(bench: Workbench) -> Iterator[Figure]:
    """Both figures, on the first server."""
    yield from _hours(bench)
    yield from _rollbacks(bench)


def _hours(bench: Workbench) -> Iterator[Figure]:
    history, events = (24, 5_000) if bench.full else (2, 200)
    hours = generated(bench.folder, hours=history + bench.rounds, events=events)
    database = bench.database("publishing", bench.servers[0])
    project = Project(database)
    views = project.models("features")
    land(database, hours[:history])
    project.build()
    with_connection(database.settings, lambda connection: publish(connection, database.settings))
    building, publishing = [], []
    for hour in hours[history:]:
        land(database, [hour])
        building.append(project.build().total(views))
        publishing.append(_timed(database, lambda connection: publish(connection, database.settings)))
        bench.say(f"built in {building[-1]:.2f} s, published in {publishing[-1]:.2f} s")
    yield Figure.cost(
        f"publishing an hour of {events:,} events, against computing its features",
        statistics.median(building),
        statistics.median(publishing),
        AT_MOST_OF_BUILDING,
    )


def _rollbacks(bench: Workbench) -> Iterator[Figure]:
    entities, per_entity = (17_000, 20) if bench.full else (200, 5)
    database = bench.database("rollback", bench.servers[0])
    publish_features(database, entities, per_entity)
    database.execute(
        "insert into ops.changed_repository_activity select repository_id, as_of"
        f" from features.repository_activity where repository_id % {round(1 / CHANGED_SHARE)} = 0",
        "update features.repository_activity set events_count_1h = events_count_1h + 1"
        f" where repository_id % {round(1 / CHANGED_SHARE)} = 0",
    )
    with_connection(database.settings, lambda connection: publish(connection, database.settings))
    (rows,) = database.execute(
        "select (select count(*) from feature_store.repository_activity_history)"
        " + (select count(*) from feature_store.actor_activity_history)"
        " + (select count(*) from feature_store.contributor_activity_history)"
    )[0]
    seconds = []
    for _ in range(bench.rounds):
        for target, active in ((1, 2), (2, 1)):
            seconds.append(
                _timed(database, lambda c, t=target, a=active: rollback.move(c, t, expected_active=a))
            )
    yield Figure.amount(
        f"rollback of a release that changed {CHANGED_SHARE:.0%} of a view, {rows:,} rows in the histories",
        "s",
        statistics.median(seconds),
        SECONDS_FOR_A_ROLLBACK,
    )


def _timed(database: Database, work: Callable[[Connection], Awaitable[object]]) -> float:
    """Seconds of a call, without opening its connection."""

    async def run(connection: Connection) -> float:
        began = time.perf_counter()
        await work(connection)
        return time.perf_counter() - began

    return with_connection(database.settings, run)
