"""Polling the Events API, against a server that behaves as GitHub documents it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from headgate.errors import HeadgateError
from headgate.pulling import Pulled, pull
from tests.integration.api_server import Reply, Request, serving
from tests.integration.landing_files import event
from tests.programs import program
from tests.servers import wait_until
from tests.support import ROOT, Database
from tests.wire import Wire

EVENTS = "staging_github_events.events"
TOKEN = "ghp_a_secret_for_tests"


@dataclass
class GitHub:
    """Serves the newest 300 of its events, newest first, as the Events API does."""

    events: list[dict[str, Any]] = field(default_factory=list)
    interval: int = 0
    #: Requests until the limit, and when it is reset; None: no limit.
    remaining: int | None = None
    reset: float = 0.0
    #: What the next requests get instead.
    faults: list[Reply] = field(default_factory=list)
    #: How many requests were answered from the limit: a 304 costs nothing.
    counted: int = 0
    #: New events that appear after each page, as they do while a client reads on.
    drift: int = 0
    api: Any = None

    def happen(self, count: int) -> None:
        """New events."""
        for _ in range(count):
            number = len(self.events)
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            self.events.append(event(number, created_at=f"{moment:%Y-%m-%dT%H:%M:%SZ}"))

    def answer(self, request: Request) -> Reply:
        """One request."""
        assert request.path == "/events"
        assert request.headers["accept"] == "application/vnd.github+json"
        if self.faults:
            return self.faults.pop(0)
        if self.remaining == 0 and time.time() >= self.reset:
            self.remaining = 5000
        headers = {
            "X-Poll-Interval": str(self.interval),
            "Date": format_datetime(datetime.now(UTC), usegmt=True),
        }
        if self.remaining is not None:
            headers |= {
                "X-RateLimit-Remaining": str(self.remaining),
                "X-RateLimit-Reset": str(int(self.reset)),
            }
        if self.remaining == 0:
            return Reply({"message": "API rate limit exceeded"}, 403, headers)
        return self._page(request, headers)

    def _page(self, request: Request, headers: dict[str, str]) -> Reply:
        newest = self.events[::-1][:300]
        page, size = int(request.params.get("page", 1)), int(request.params.get("per_page", 30))
        body = newest[(page - 1) * size : page * size]
        headers["ETag"] = f'W/"{hashlib.md5(json.dumps(body).encode()).hexdigest()}"'
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Reply(status=304, headers=headers)
        self.counted += 1
        if self.remaining is not None:
            self.remaining -= 1
            headers["X-RateLimit-Remaining"] = str(self.remaining)
        if page * size < len(newest):
            headers["Link"] = (
                f'</events?per_page={size}&page={page + 1}>; rel="next", </events?page=9>; rel="last"'
            )
        self.happen(self.drift)
        return Reply(body, headers=headers)


def poll(database: Database) -> tuple[Pulled, list[str]]:
    """One poll, and what it said."""
    said: list[str] = []
    return asyncio.run(pull(database.settings, "github_events", said.append)), said


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with 250 events."""
    github = GitHub()
    github.happen(250)
    with serving(github.answer) as api:
        monkeypatch.setenv("HEADGATE_GITHUB_API_URL", api.url)
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        github.api = api
        yield github


def landed(database: Database) -> tuple[int, int]:
    """Rows, and different ids among them."""
    return database.query(f"select count(*), count(distinct record_id) from {EVENTS}")[0]


def test_every_event_lands_once_over_pages_and_polls(database: Database, github: GitHub) -> None:
    """All pages are followed; a poll stops at the page that brings nothing new; drift doubles nothing."""
    first, _ = poll(database)
    assert (first.rows.landed, first.requests) == (250, 3)
    github.happen(120)
    second, said = poll(database)
    assert (second.rows.landed, second.rows.redelivered) == (120, 180)
    assert not said
    github.drift = 7
    github.happen(10)
    poll(database)
    github.drift = 0
    poll(database)
    assert landed(database) == (len(github.events), len(github.events))


def test_nothing_new_costs_no_request_of_the_limit(database: Database, github: GitHub) -> None:
    """The ETag of the first page is sent; 304 ends the poll and counts for nothing."""
    poll(database)
    counted = github.counted
    again, _ = poll(database)
    assert (again.requests, again.status, github.counted) == (1, "unchanged", counted)


def test_polls_are_as_far_apart_as_the_api_asks(database: Database, github: GitHub) -> None:
    """X-Poll-Interval is obeyed by the next process too."""
    github.interval = 2
    first, _ = poll(database)
    began = time.monotonic()
    poll(database)
    assert first.wait == 2
    assert time.monotonic() - began > 1.5


def test_a_gap_is_said_with_its_counts(database: Database, github: GitHub) -> None:
    """When more happened than the API shows, nobody has to guess."""
    poll(database)
    github.happen(301)
    done, said = poll(database)
    assert done.rows.landed == 300
    assert len(done.warnings) == 1
    assert "none of the 250 events of the last poll, up to 2026-01-01T00:04:09Z" in said[0]
    assert "among the 300 on 3 pages of this one, which begin at 2026-01-01T00:04:11Z" in said[0]
    github.happen(5)
    assert not poll(database)[1]


def test_limits_are_waited_for(database: Database, github: GitHub) -> None:
    """A used-up limit, Retry-After, and a limit reached between two pages."""
    github.remaining, github.reset = 1, int(time.time()) + 3
    done, _ = poll(database)
    assert done.rows.landed == 250
    assert done.seconds > 1.5
    assert time.time() > github.reset
    github.happen(1)
    github.faults = [
        Reply({"message": "secondary rate limit"}, 403, {"Retry-After": "1"}),
        Reply({"message": "slow down"}, 429, {"Retry-After": "1"}),
        Reply(status=502),
    ]
    assert poll(database)[0].rows.landed == 1


def test_a_token_is_sent_and_never_shown(
    database: Database, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from the environment; a refusal says so without it."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    poll(database)
    assert {request.headers.get("authorization") for request in github.api.requests} == {f"Bearer {TOKEN}"}
    github.faults = [Reply({"message": f"Bad credentials {TOKEN}"}, 401)]
    with pytest.raises(HeadgateError, match=r"HTTP status 401.*check the credentials") as raised:
        poll(database)
    assert TOKEN not in str(raised.value) + str(database.query("select * from ops.loads"))


def test_personal_data_of_events_never_lands(database: Database, github: GitHub) -> None:
    """Polled events are held to the contract of the archive."""
    commit = {"sha": "a" * 40, "author": {"email": "someone@example.org", "name": "Ann"}}
    github.events.append(event(999, type="PushEvent", payload={"commits": [commit]}))
    poll(database)
    found = database.value(f"select record::text from {EVENTS} where record_id = '999'")
    assert "hmac:" in found
    assert "someone@example.org" not in found


def polling(database: Database, github: GitHub) -> subprocess.Popen[str]:
    """A process that polls all the time."""
    command = [program("headgate"), "land", "github_events", "--poll", "--every", "0.1"]
    env = {**database.env, "HEADGATE_GITHUB_API_URL": github.api.url}
    return subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.costly
def test_a_poller_that_is_killed_loses_and_doubles_nothing(database: Database, github: GitHub) -> None:
    """Kill -9 at random moments of --poll while events happen; SIGTERM ends it well."""
    chance = random.Random(3)
    poll(database)
    github.drift = 2
    with Wire.to(database) as wire:
        for _ in range(6):
            wire.stop_after(chance.randint(500, 60_000))
            with polling(wire.database, github) as poller:
                assert wire.stopped(poller)
                poller.kill()
            wire.cut()
    github.drift = 0
    github.happen(2)
    with polling(database, github) as poller:
        wait_until(lambda: landed(database)[0] == len(github.events), "every event")
        poller.send_signal(signal.SIGTERM)
        assert poller.wait(30) == 0
    done, said = poll(database)
    assert not said
    assert landed(database) == (len(github.events), len(github.events))
    assert not done.warnings


def test_a_poller_survives_that_its_connections_are_cut(database: Database, github: GitHub) -> None:
    """--poll says what happened, connects again, and lands what it was about to."""
    with polling(database, github) as poller:
        for _ in range(3):
            wait_until(database.cut, "a connection to be cut")
            github.happen(20)
            wait_until(lambda: landed(database)[0] == len(github.events), "every event, connected again")
            assert poller.poll() is None
        poller.send_signal(signal.SIGTERM)
        _, said = poller.communicate(timeout=30)
    assert poller.returncode == 0
    assert "Traceback" not in said
    assert landed(database) == (310, 310)
