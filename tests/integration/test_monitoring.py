"""A day of a served model, read from the landed log: what is an alarm, and what is none."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headgate.model import versions
from headgate.model.deployment import canary, steps
from headgate.model.monitoring.answers import Window
from headgate.model.monitoring.report import Monitored, monitor
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database, made
from tests.support import Database
from tests.toy_store import START, ToyStore, built_store, publish_new

NAME = "will_ship"
DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AS_OF = (START + timedelta(hours=1)).isoformat()
LOG = """
    create table staging_predictions.answers_here partition of staging_predictions.answers default;
    create schema training;
    create table training.shipped (toy_id bigint, ordered_at timestamptz, is_shipped boolean);
    insert into training.shipped
    select n, timestamptz '2026-03-01 11:59Z', n % 2 = 0 from generate_series(1, 600) as n
"""
ANSWER = "insert into staging_predictions.answers (load_id, line_number, record) values ($1, $2, $3)"
LOAD = """
    insert into ops.loads (
        source, entity, partition_start, partition_end, uri, status, lines_read, rows_landed, rows_rejected
    )
    values ('predictions', 'answers', $1, $2, 'none', 'landed', 0, 0, 0) returning load_id
"""
Answer = dict[str, Any]
Change = Callable[[int, Answer], Answer | None]


def package(**alerts: Any) -> Package:
    """A model on one number of a request, one category, and one feature of the toy store."""
    inputs = (
        Input(name="size", type="bigint", nullable=True),
        Input(name="colour", type="text", nullable=True),
        Input(name="toy_activity__events_count", type="bigint", nullable=True, view="toy_activity"),
    )
    signature = Signature(inputs=inputs, keys=(("toy_id", "bigint"),), output=("p", "double precision"))
    options = {
        "spine": "training.shipped",
        "instant": "ordered_at",
        "label": "is_shipped",
        "alerts": {"cost_per_hour": 3.6, **alerts},
        "slices": {"colour": "colour"},
    }
    views = {"toy_activity": BoundView(version=1, definition=None)}
    return replace(made(), signature=signature, views=views, options=options)


REFERENCES = [
    versions.Histogram(feature="size", edges=[25.0, 50.0, 75.0], labels=[], counts=[250] * 4, missing=0),
    versions.Histogram(feature="colour", edges=[], labels=["blue", "red"], counts=[500, 500, 0], missing=0),
    versions.Histogram(feature="score", edges=[0.5], labels=[], counts=[500, 500], missing=0),
]


def answer(place: int, draw: random.Random) -> Answer:
    """An answer of a quiet day about one of 600 toys; the store has the first two."""
    key = place + 1
    known = key <= 2
    return {
        "prediction_id": f"p{place}",
        "at": NOON.isoformat(),
        "model": NAME,
        "version": 1,
        "role": "champion",
        "key": str(key),
        "release_id": 1,
        "staleness_seconds": 60.0,
        "status": "answered",
        "seconds": 0.002,
        "score": 0.9 if key % 2 == 0 else 0.1,
        "as_of": {"toy_activity": AS_OF if known else None},
        "features": {
            "size": draw.randrange(100),
            "colour": draw.choice(["blue", "red"]),
            "toy_activity__events_count": {1: 5, 2: 6}.get(key),
        },
    }


def quiet(_place: int, given: Answer) -> Answer | None:
    """Changes nothing."""
    return given


def day(store: ToyStore, change: Change = quiet, **alerts: Any) -> Monitored:
    """The report of a day of 600 answers, each as `change` leaves it."""
    draw = random.Random(4)
    answers = [changed for place in range(600) if (changed := change(place, answer(place, draw)))]

    async def work(connection: Connection) -> Monitored | None:
        made_version = await versions.add(connection, package(**alerts), REFERENCES, passed=True)
        await steps.register(connection, NAME, made_version.version, "test")
        await canary.deploy(connection, NAME, 1, None, "first")
        await connection.execute(LOG)
        for start, said in ((NOON - timedelta(hours=12), answers), (NOON - timedelta(days=30), answers[:50])):
            load = await connection.fetchval(LOAD, start, start + timedelta(days=1))
            rows = [
                (load, place, json.dumps({**one, "at": (start + timedelta(hours=12)).isoformat()}))
                for place, one in enumerate(said)
            ]
            await connection.executemany(ANSWER, rows)
        return await monitor(connection, made_version, Window(day=DAY))

    found = in_database(store.database, work)
    assert isinstance(found, Monitored)
    return found


@pytest.fixture
def store(database: Database) -> ToyStore:
    """A store with one release."""
    found = built_store(database)
    publish_new(found)
    return found


def test_a_quiet_day_has_its_figures_and_no_alarm(store: ToyStore) -> None:
    """Volume, skew zero, quality by slice, an estimate that says what it cannot see, cost; in the command."""
    found = day(store)
    assert found.alarms == []
    assert (found.figures["volume"], found.figures["keys"], found.figures["failed"]) == (600, 600, 0)
    [skew] = found.skew
    assert (skew["compared"], skew["differing"], skew["unknown"], skew["behind"]) == (600, 0, 0, 0)
    assert [row["slice"] for row in found.quality] == ["all", "colour", "colour"]
    assert (found.quality[0]["rows"], found.quality[0]["loss"]) == (600, pytest.approx(0.01))
    assert found.estimate["expected_brier"] == pytest.approx(0.09)
    assert "blind to concept drift" in found.estimate["note"]
    assert found.cost["cost_per_thousand"] == pytest.approx(0.002)
    shown = store.database.headgate("model", "monitor", NAME, "--day", "2026-03-01").stdout
    assert "skew" in shown
    assert "ALARM" not in shown
    assert "volume" in store.database.headgate("model", "monitor", NAME).stdout


def test_errors_delay_age_and_a_poor_score_are_alarms(store: ToyStore) -> None:
    """Each with its figure, the number of answers and the limit; a record delivered twice counts once."""

    def change(place: int, given: Answer) -> Answer | None:
        failed = {"status": "failed", "score": None} if place % 10 == 0 else {}
        given["score"] = 1 - given["score"]
        return {
            **given,
            **failed,
            "prediction_id": f"p{place // 2 * 2}",
            "seconds": 0.5,
            "staleness_seconds": 9e4,
        }

    found = day(
        store,
        change,
        largest_p95_seconds=0.1,
        largest_p95_staleness_seconds=3600,
        largest_loss=0.3,
        smallest_volume=500,
    )
    said = "\n".join(found.alarms)
    assert found.figures["volume"] == 300
    assert "share of failed answers: " in said
    assert "p95 of latency in seconds: 0.5 of 300 answers, at most 0.1" in said
    assert "p95 of the features' age in seconds: 9e+04" in said
    assert "volume: 300 answers, at least 500" in said
    assert "loss: 0.8100 [" in said


def test_injected_drift_is_found(store: ToyStore) -> None:
    """Of a number, of a category that training never saw, of the score; the command ends with 3."""

    def change(place: int, given: Answer) -> Answer | None:
        features = {**given["features"], "size": 90, "colour": "green" if place % 4 == 0 else "red"}
        return {**given, "features": features, "score": 0.9}

    found = day(store, change)
    assert {alarm.split(":")[0] for alarm in found.alarms} == {
        "drift of size",
        "drift of colour",
        "drift of score",
    }
    failed = store.database.headgate("model", "monitor", NAME, "--day", "2026-03-01", exit_code=3)
    assert "ALARM drift of size: PSI" in failed.stdout
    assert "model_alarm" in failed.stderr


def test_a_stale_online_table_is_caught(store: ToyStore) -> None:
    """Served from an older row than the release's newest, with values that were right then."""
    store.write({("toy_activity", (1,), 3): (8, None)})
    publish_new(store)

    def change(_place: int, given: Answer) -> Answer | None:
        return {**given, "release_id": 2}

    found = day(store, change)
    assert found.alarms == [
        "skew of view toy_activity, release 2: 1 of 600 answers served from an older row than the"
        " release's newest: a stale online table"
    ]


def test_values_that_the_store_never_held_are_caught(store: ToyStore) -> None:
    """Other values at the served instant, and an instant that the release has no row of."""

    def change(place: int, given: Answer) -> Answer | None:
        if place == 0:
            return {**given, "features": {**given["features"], "toy_activity__events_count": 99}}
        if place == 1:
            return {**given, "as_of": {"toy_activity": (START + timedelta(minutes=1)).isoformat()}}
        return given

    said = "\n".join(day(store, change).alarms)
    assert "1 of 600 answers served with other values than the store's history" in said
    assert "1 of 600 answers served at an instant that the release has no row of" in said
