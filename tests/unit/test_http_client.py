"""Requests that fail or are told to wait: how often they are repeated, how long they wait, what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate

import httpx
import pytest

from headgate.errors import HeadgateError
from headgate.pulling.clock import Clock
from headgate.pulling.http_client import ATTEMPTS, LONGEST_WAIT, HttpClient, new_client
from tests.integration.api_server import Api, Reply, Request, serving

NOW = 1_780_000_000.0
DATE = {"Date": formatdate(NOW, usegmt=True)}


@dataclass
class Pacer:
    """A clock on which time passes only by sleeping."""

    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        """The clock."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.passed += seconds

        return Clock(lambda: NOW + self.passed, lambda: self.passed, sleep)


def ask(
    answer: Callable[[Request], Reply], requests: int = 1, secrets: tuple[str, ...] = ()
) -> tuple[Api, Pacer, list[str]]:
    """Asks a server so many times; the server, the clock, and what was said. Errors carry on."""
    pacer, said = Pacer(), []

    async def run(api: Api) -> None:
        async with new_client({}) as client:
            http = HttpClient(client, httpx.URL(api.url), said.append, secrets, clock=pacer.clock())
            for _ in range(requests):
                await http.get(httpx.URL(f"{api.url}/page"))

    with serving(answer) as api:
        asyncio.run(run(api))
    return api, pacer, said


def limited(remaining: str = "0", prefix: str = "X-RateLimit-", **headers: str) -> dict[str, str]:
    """Headers of an answer after which the limit is used up."""
    named = {f"{prefix}{name}": value for name, value in headers.items()}
    return {**DATE, f"{prefix}Remaining": remaining, **named}


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "0"},
        {"Retry-After": "-5"},
        {"Retry-After": formatdate(NOW - 600, usegmt=True)},
        {"Retry-After": "soon"},
        {"Retry-After": "nan"},
        {"Retry-After": "1e999"},
        limited(Reset=str(int(NOW) - 60)),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_refuses_for_ever_is_left_after_some_attempts(
    status: int, headers: dict[str, str]
) -> None:
    """Whatever wait it asks for, in the past or in no form: pauses grow, attempts end."""
    said: list[str] = []
    pacer = Pacer()

    async def run(api: Api) -> None:
        async with new_client({}) as client:
            http = HttpClient(client, httpx.URL(api.url), said.append, clock=pacer.clock())
            await http.get(httpx.URL(api.url))

    with (
        serving(lambda _: Reply({}, status, {**DATE, **headers})) as api,
        pytest.raises(HeadgateError, match=f"HTTP status {status}, {ATTEMPTS} times in a row"),
    ):
        asyncio.run(run(api))
    assert len(api.requests) == ATTEMPTS
    assert pacer.slept == [0.5, 1, 2, 4, 8]
    assert len(said) == 4, "pauses of a second and more are told"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "90"}, 90),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": formatdate(NOW + 120, usegmt=True)}, 120),
        ({"Retry-After": formatdate(NOW + 120)}, 120),
        (limited(Reset=str(int(NOW) + 30)), 31),
        (limited(Reset=str(int(NOW * 1000) + 30_000)), 31),
        (limited(Reset=str(int(NOW * 1e6) + 30_000_000)), 31),
        (limited(Reset="30"), 30),
        (limited(prefix="RateLimit-", Reset="30"), 30),
        (limited(prefix="X-Rate-Limit-", Reset=f"{NOW + 30:.3f}"), 31),
        (limited("-1", Reset=str(int(NOW) + 30)), 31),
    ],
)
def test_waits_are_told_with_their_end(headers: dict[str, str], seconds: float) -> None:
    """Seconds, dates, and resets in seconds, milliseconds and microseconds are the same wait."""
    replies = [Reply([]), Reply({}, 429, {**DATE, **headers})]
    _, pacer, said = ask(lambda _: replies.pop())
    assert pacer.slept == pytest.approx([seconds], abs=0.01)
    assert len(said) == 1
    assert said[0].startswith("HTTP status 429: waiting")
    assert said[0].endswith("UTC")
    assert " until 2026-05-28 20:2" in said[0]


def test_a_limit_that_a_success_uses_up_is_waited_for_and_told() -> None:
    """The next request waits, not the answer that is here; a limit that is reset already costs nothing."""
    headers = limited(Reset=str(int(NOW * 1000) + 2000))
    _, pacer, said = ask(lambda _: Reply([], headers=headers))
    assert (pacer.slept, said) == ([], [])
    api, pacer, said = ask(lambda _: Reply([], headers=headers), requests=2)
    assert len(api.requests) == 2
    assert pacer.slept == pytest.approx([3], abs=0.01)
    assert said == ["the server's limit of requests is used up: waiting 3 s, until 2026-05-28 20:26:43 UTC"]
    past = limited(Reset=str(int(NOW) - 7200))
    assert ask(lambda _: Reply([], headers=past), requests=3)[1].slept == []


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(
    ("headers", "end"),
    [
        (limited(Reset=str(int(NOW) + 7200)), "until 2026-05-28 22:26:4"),
        (limited(Reset="99999"), "until 2026-05-30"),
        (limited(Reset="9" * 30), "years from now"),
    ],
)
def test_longer_waits_than_an_hour_are_refused_with_their_end(
    status: int, headers: dict[str, str], end: str
) -> None:
    """Two hours, a day, an absurd number: nobody sits there without a word."""
    with pytest.raises(HeadgateError, match=f"asks to wait {end}.*run the command again after that"):
        ask(lambda _: Reply([], status, headers), requests=2)


def test_many_short_waits_are_no_longer_than_a_long_one() -> None:
    """What one request waits in all has the same limit."""
    with pytest.raises(HeadgateError, match="asks to wait until"):
        ask(lambda _: Reply({}, 429, {"Retry-After": str(int(LONGEST_WAIT / 2) + 1)}))


def test_an_answer_that_cannot_be_unpacked_is_asked_for_again() -> None:
    """A broken body counts as a failure of the network; the error shows no secret."""
    replies = [Reply([]), Reply(b"not gzip", headers={"Content-Encoding": "gzip"})]
    assert len(ask(lambda _: replies.pop())[0].requests) == 2
    with pytest.raises(HeadgateError, match="times in a row") as raised:
        ask(lambda _: Reply(b"no", headers={"Content-Encoding": "gzip"}), secrets=("decompress",))
    assert "decompress" not in str(raised.value)
