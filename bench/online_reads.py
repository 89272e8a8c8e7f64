"""Online reads and making changes visible online, against Feast's PostgreSQL online store.

Both read the same features of the same entities from the same database, one client each, in turns; ours
through `FeatureStore.online`, Feast through `get_online_features`, and both end with plain dictionaries.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.environments import Companion
from bench.feast_peer import feast
from bench.figures import Figure
from bench.servers import Database
from bench.store_data import ACTOR, BEGIN, REPOSITORY, generated_views, publish_features
from bench.workbench import Workbench, seconds_of
from headgate import FeatureStore
from headgate.planning.publishing import publish_project

ONE, ALL = ["repository_activity"], ["repository_activity", "actor_activity", "contributor_activity"]
#: Name -> views, entities at once, how many times Feast's p50 and p99 at most.
READS = {
    "one key, all columns of one view": (ONE, 1, 0.3),
    "100 keys, all columns of one view": (ONE, 100, 0.07),
    "one key, three views": (ALL, 1, 0.2),
}
CHANGED_AT_LEAST = 15
#: The hour after `BEGIN` of the changes.
CHANGED = 60
Keys = list[list[dict[str, int]]]


def run(bench: Workbench) -> Iterator[Figure]:
    """Changes first, then reads of them."""
    entities, per_entity, reads = (50_000, 8, 150) if bench.full else (300, 3, 10)
    database = bench.database("online", bench.servers[0])
    publish_features(database, entities, per_entity)
    with feast(bench, database) as other:
        if other is not None:
            for view in ALL:
                seconds = _materialize(other, [view], 0, CHANGED - 1)
                bench.say(f"Feast materialized {entities:,} entities of {view} in {seconds:.1f} s")
        yield _changes(database, other, entities)
        yield from _reads(bench, database, other, entities, reads)


def _changes(database: Database, other: Companion | None, entities: int) -> Figure:
    (view,) = (view for view in generated_views() if view.name == ONE[0])
    database.execute(
        f"insert into features.{view.name} {view.newest_rows(entities, CHANGED)}",
        f"insert into ops.changed_{view.name} select repository_id, as_of from features.{view.name}"
        f" where as_of = timestamptz '{BEGIN}' + {CHANGED} * interval '1 hour'",
        f"analyze features.{view.name}",
        "checkpoint",
    )
    theirs = None if other is None else _materialize(other, [view.name], CHANGED - 1, CHANGED + 1)
    ours = seconds_of(lambda: asyncio.run(publish_project(database.settings)))
    name = f"making {entities:,} changed entities visible online: a release, against materialize"
    if theirs is None:
        return Figure.amount(name, "s", ours)
    return Figure.faster(name, theirs, ours, CHANGED_AT_LEAST)


def _reads(
    bench: Workbench, database: Database, other: Companion | None, entities: int, reads: int
) -> Iterator[Figure]:
    ours: dict[str, list[float]] = defaultdict(list)
    theirs: dict[str, list[float]] = defaultdict(list)
    for number in range(bench.rounds + 1):
        for name, (views, at_once, _) in READS.items():
            keys = _keys(database, entities, views, reads, at_once)
            taken = asyncio.run(_read(database.dsn, views, keys))
            answered = other.ask(do="online", views=views, keys=keys) if other else []
            # The first round warms up caches and prepared statements of both.
            if number:
                ours[name] += taken
                theirs[name] += answered
    for name, (_, _, at_most) in READS.items():
        for share, percentile in (("p50", 50), ("p99", 99)):
            baseline = _percentile(theirs[name], percentile) if other else None
            yield Figure.milliseconds(
                f"online read, {name}: {share}", baseline, _percentile(ours[name], percentile), at_most
            )


async def _read(dsn: str, views: list[str], keys: Keys) -> list[float]:
    """Seconds of each read; connection and statement are there before the first."""
    taken = []
    async with FeatureStore(dsn) as store:
        await store.online(views, keys[0])
        for rows in keys:
            loop = asyncio.get_running_loop()
            began = loop.time()
            answer = await store.online(views, rows)
            found = [_plain(entity.features) for entity in answer]
            taken.append(loop.time() - began)
            assert len(found) == len(rows)
    return taken


def _plain(features: Any) -> dict[str, Any]:
    return {view: values.as_dict() for view, values in features.items()}


def _keys(database: Database, entities: int, views: list[str], reads: int, at_once: int) -> Keys:
    numbers = [random.randrange(1, entities + 1) for _ in range(reads * at_once)]
    rows = database.execute(
        f"select ({REPOSITORY})::bigint, ({ACTOR})::bigint"
        f" from unnest(array{numbers}) with ordinality as drawn (entity, place) order by place"
    )
    keys = [{"repository_id": repository, "actor_id": actor} for repository, actor in rows]
    if len(views) == 1:
        keys = [{"repository_id": key["repository_id"]} for key in keys]
    return [keys[start : start + at_once] for start in range(0, len(keys), at_once)]


def _percentile(seconds: list[float], percentile: int) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percentile - 1]


def _materialize(other: Companion, views: list[str], first: int, last: int) -> float:
    begin = datetime.fromisoformat(BEGIN).astimezone(UTC)
    window = {"from": begin + timedelta(hours=first), "to": begin + timedelta(hours=last)}
    asked = {name: instant.isoformat() for name, instant in window.items()}
    return float(other.ask(do="materialize", views=views, **asked))
