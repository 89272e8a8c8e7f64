"""What a build waits for when messages land in loads that stay open."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from headgate.landing import Message, open_appender
from headgate.pipelines import build
from tests.integration.landing_files import event
from tests.support import Database

GATE_RAN = "insert into ops.gate_results (run_id, gate, status) values ('r', 'g', 'pass')"


def test_messages_of_an_open_load_are_shown_to_the_build(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sensor sees them while their appender is at work, and closes the load before the build begins."""
    for name, value in database.env.items():
        monkeypatch.setenv(name, value)

    async def work() -> tuple[bool, bool, str, float]:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            before = await build.has_new_loads()
            await appender.append([Message("1", json.dumps(event(1)).encode())])
            after = await build.has_new_loads()
            began = time.monotonic()
            await asyncio.to_thread(build.wait_for_new_loads, minutes=5)
            waited = time.monotonic() - began
            status = await appender.connection.fetchval("select status from ops.loads")
            # It goes on with another load.
            await appender.append([Message("2", json.dumps(event(2)).encode())])
        return before, after, status, waited

    before, after, status, waited = asyncio.run(work())
    assert (before, after, status) == (False, True, "landed")
    assert waited < 4 * 60
    assert database.query("select status, rows_landed from ops.loads order by load_id") == [
        ("landed", 1),
        ("landed", 1),
    ]


def test_an_open_load_without_messages_is_nothing_to_build(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is quiet does not make builds."""
    for name, value in database.env.items():
        monkeypatch.setenv(name, value)

    async def work() -> bool:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            message = Message("1", json.dumps(event(1)).encode())
            await appender.append([message])
            await appender.close_load()
            await appender.connection.execute(GATE_RAN)
            await appender.append([message])
            return await build.has_new_loads()

    assert asyncio.run(work()) is False
