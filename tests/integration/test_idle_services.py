"""Services that nothing comes to any more: models see their last messages all the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from headgate.landing import Message
from headgate.landing.reconnecting import ReconnectingAppender
from headgate.receiving.intake import Intake
from headgate.streaming.sink import Sink
from tests.integration.landing_files import event
from tests.support import Database

LOADS = "select status, rows_landed from ops.loads order by load_id"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads are old at once, and looked at all the time."""
    monkeypatch.setattr("headgate.landing.reconnecting.OLD", timedelta(0))
    for service in ("receiving.intake", "streaming.sink"):
        monkeypatch.setattr(f"headgate.{service}.SECONDS_BETWEEN_LOOKS", 0.2)


def message(number: int) -> Message:
    """An event as a message."""
    return Message(str(number), json.dumps(event(number)).encode())


def landed(database: Database, loads: int) -> list[tuple[str, int]]:
    """The loads, as soon as so many are landed, or after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = database.query(LOADS)
        if [status for status, _ in found].count("landed") == loads:
            break
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("connection_dies", [False, True])
def test_an_idle_receiver_closes_its_load(database: Database, connection_dies: bool) -> None:
    """Also when its connection is lost meanwhile; the next delivery opens another load."""

    async def work() -> list[list[tuple[str, int]]]:
        appender = ReconnectingAppender(database.settings, "github_events", "test")
        intake = Intake(appender)
        running = asyncio.create_task(intake.run())
        found = []
        for number in (1, 2):
            await intake.land(message(number))
            if connection_dies:
                kill(database)
            found.append(await asyncio.to_thread(landed, database, number))
        intake.end()
        await running
        await appender.close()
        return found

    assert asyncio.run(work()) == [[("landed", 1)], [("landed", 1)] * 2]


def kill(database: Database) -> None:
    """Ends all other connections to the database."""
    database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )


@pytest.fixture
def sink(database: Database) -> Iterator[Sink]:
    """A sink, which is closed at the end."""
    made = Sink("github_events", database.settings)
    yield made
    made.close()


def test_an_idle_stream_closes_its_load(database: Database, sink: Sink) -> None:
    """The next batch opens another one."""
    for number in (1, 2):
        assert sink.write([message(number)]).landed == 1
        assert landed(database, number) == [("landed", 1)] * number
