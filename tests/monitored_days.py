"""Served models whose day went wrong in one way each: landed, and built by dbt, once for all tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from headgate.model import versions
from headgate.model.deployment import canary, steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from headgate.postgres.connection import Connection
from tests import prediction_log
from tests.integration.test_models import in_database, made
from tests.support import Database
from tests.toy_store import START, ToyStore, built_store, publish_new

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AS_OF = (START + timedelta(hours=1)).isoformat()
ANSWERS = 600
#: The project's own spine, as a table with the keys and labels of these tests.
SPINE = """
    create schema if not exists training;
    create table training.pull_requests_opened (toy_id bigint, ordered_at timestamptz, is_shipped boolean);
    insert into training.pull_requests_opened
    select n, timestamptz '2026-03-01 11:59Z', n % 2 = 0 from generate_series(1, 600) as n
"""
BUILD = (
    *("build", "-s", "+path:models/staging/predictions", "path:models/monitoring/predictions"),
    "model_alarm_limits",
    *("--indirect-selection", "cautious", "--exclude", "resource_type:unit_test"),
)
Answer = dict[str, Any]
Change = Callable[[int, Answer], Answer]

REFERENCES = [
    versions.Histogram(feature="size", edges=[25.0, 50.0, 75.0], labels=[], counts=[250] * 4, missing=0),
    versions.Histogram(feature="colour", edges=[], labels=["blue", "red"], counts=[500, 500, 0], missing=0),
    versions.Histogram(feature="score", edges=[0.5], labels=[], counts=[500, 500], missing=0),
]


def package(name: str, **alerts: Any) -> Package:
    """A model on one number of a request, one category, and one feature of the toy store."""
    inputs = (
        Input(name="size", type="bigint", nullable=True),
        Input(name="colour", type="text", nullable=True),
        Input(name="toy_activity__events_count", type="bigint", nullable=True, view="toy_activity"),
    )
    signature = Signature(inputs=inputs, keys=(("toy_id", "bigint"),), output=("p", "double precision"))
    options = {
        "spine": "training.pull_requests_opened",
        "instant": "ordered_at",
        "label": "is_shipped",
        "alerts": {"cost_per_hour": 3.6, **alerts},
        "slices": {"colour": "colour", "size": "size"},
    }
    views = {"toy_activity": BoundView(version=1, definition=None)}
    task = "multiclass" if name == "classes" else "binary"
    return replace(made(name=name), task=task, signature=signature, views=views, options=options)


def answer(place: int, draw: random.Random, model: str) -> Answer:
    """An answer of a quiet day about one of 600 toys; the store has the first two."""
    key = place + 1
    return prediction_log.answer(
        f"{model}-{place}",
        at=NOON.isoformat(),
        model=model,
        key=str(key),
        score=0.9 if key % 2 == 0 else 0.1,
        as_of={"toy_activity": AS_OF if key <= 2 else None},
        features={
            "size": draw.randrange(100),
            "colour": draw.choice(["blue", "red"]),
            "toy_activity__events_count": {1: 5, 2: 6}.get(key),
        },
    )


def quiet(_place: int, given: Answer) -> Answer:
    """Changes nothing."""
    return given


def slow(place: int, given: Answer) -> Answer:
    """Errors, delay, age, scores that are the wrong way round; half of the volume."""
    failed = {"status": "failed", "score": None} if place % 10 == 0 else {"score": 1 - given["score"]}
    return {**given, **failed, "seconds": 0.5, "staleness_seconds": 9e4}


def drifted(place: int, given: Answer) -> Answer:
    """A number, a category that training never saw, the score."""
    features = {**given["features"], "size": 90, "colour": "green" if place % 4 == 0 else "red"}
    return {**given, "features": features, "score": 0.9}


def stale(_place: int, given: Answer) -> Answer:
    """Served under release 2 from the rows of release 1: its online table was not renewed."""
    return {**given, "release_id": 2}


def wrong(place: int, given: Answer) -> Answer:
    """Other values than the store's at the served instant, and an instant that it has no row of."""
    if place == 0:
        return {**given, "features": {**given["features"], "toy_activity__events_count": 99}}
    if place == 1:
        return {**given, "as_of": {"toy_activity": (START + timedelta(minutes=1)).isoformat()}}
    return given


def of_classes(place: int, given: Answer) -> Answer:
    """The likeliest of some classes with its chance, which is small for odd toys; 60 of these are wrong."""
    is_shipped = place % 2 == 1 or place % 10 == 0
    return {**given, "answer": "true" if is_shipped else "false", "score": 0.9 if place % 2 else 0.4}


DAYS: dict[str, tuple[Change, dict[str, Any]]] = {
    "quiet": (quiet, {}),
    "slow": (
        slow,
        {
            "largest_p95_seconds": 0.1,
            "largest_p95_staleness_seconds": 3600,
            "largest_loss": 0.3,
            "smallest_volume": 700,
        },
    ),
    "drifted": (drifted, {}),
    "stale": (stale, {}),
    "wrong": (wrong, {}),
    "classes": (of_classes, {}),
}


def of_day(model: str, change: Change) -> list[Answer]:
    """A day of 600 answers, each as `change` leaves it."""
    draw = random.Random(4)
    return [change(place, answer(place, draw, model)) for place in range(ANSWERS)]


def landed(database: Database) -> None:
    """Two releases, the models as champions, their days: the log in two loads of the same hour."""
    store: ToyStore = built_store(database)
    publish_new(store)
    store.write({("toy_activity", (1,), 3): (8, None)})
    publish_new(store)
    database.query(SPINE)

    async def work(connection: Connection) -> None:
        for name, (_, alerts) in DAYS.items():
            found = await versions.add(connection, package(name, **alerts), REFERENCES, passed=True)
            await steps.register(connection, name, found.version, "test")
            await canary.deploy(connection, name, found.version, None, "first", asked=NO_APPROVAL)

    in_database(database, work)
    days = [of_day(name, change) for name, (change, _) in DAYS.items()]
    for half in (slice(0, ANSWERS // 2), slice(ANSWERS // 2, None)):
        prediction_log.land(database, [one for answers in days for one in answers[half]])


def monitored(database: Database) -> None:
    """They are built with their gates."""
    landed(database)
    database.dbt(*BUILD)
