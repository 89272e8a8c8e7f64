"""Lands public events by polling GitHub's Events API.

The API shows the newest 300 events, some minutes late and not quite in order. So every poll reads all its
pages until one holds nothing but known events; an event id lands once, however often it is seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from headgate.landing import Appended, Appender, Message, open_appender
from headgate.pulling.http_client import HttpClient, new_client
from headgate.pulling.json_records import Answer, as_text
from headgate.pulling.results import Pulled, Say
from headgate.pulling.state import alone, read_state, write_state
from headgate.settings import Settings
from headgate.sources import AppendingSource
from headgate_github.archive import GHARCHIVE

API = "https://api.github.com"
URL_VARIABLE, TOKEN_VARIABLE = "HEADGATE_GITHUB_API_URL", "GITHUB_TOKEN"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
#: Seconds between polls where the API does not say.
INTERVAL = 60.0
#: An interval that the API asks for is kept up to this.
LONGEST_INTERVAL = 3600.0
PAGE = 100
#: The API ends after three pages; a server that never ends is not followed for ever.
PAGES = 10


@dataclass(frozen=True)
class _EventsApi(AppendingSource):
    async def pull(self, settings: Settings, say: Say) -> Pulled:
        """See `pull_github_events`."""
        return await pull_github_events(settings, say)


#: The same records as the archive's hours: held to its contract and typed by its models.
GITHUB_EVENTS = _EventsApi("github_events", "events", GHARCHIVE.contract)


async def pull_github_events(settings: Settings, say: Say) -> Pulled:
    """One poll; waits first when the last one was too short a time ago.

    Raises:
        HeadgateError: the API refuses, or fails for too long.
    """
    began = time.monotonic()
    base = (os.environ.get(URL_VARIABLE) or API).rstrip("/")
    url = httpx.URL(f"{base}/events")
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    headers = {**HEADERS, **({"Authorization": f"Bearer {token}"} if token else {})}
    async with (
        open_appender(settings, GITHUB_EVENTS.name, uri=str(url)) as appender,
        alone(appender.connection, GITHUB_EVENTS),
        new_client({}) as client,
    ):
        http = HttpClient(client, url, say, (token,) if token else (), headers)
        poll = _Poll(appender, http, url, say)
        await poll.run()
    return Pulled(
        source=GITHUB_EVENTS.name,
        uri=str(url),
        rows=poll.done,
        requests=http.requests,
        warnings=tuple(poll.warnings),
        seconds=time.monotonic() - began,
        wait=poll.interval,
    )


@dataclass
class _Poll:
    """One poll."""

    appender: Appender
    http: HttpClient
    url: httpx.URL
    say: Say
    interval: float = INTERVAL
    done: Appended = field(default_factory=Appended, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    #: Ids of the events that this poll saw, and their times.
    _seen: dict[str, str] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Asks for what changed, lands it, and notes what the next poll has to know."""
        state = await read_state(self.appender.connection, GITHUB_EVENTS)
        await self._wait_for_turn(state.get("not_before", 0.0))
        same = (
            {"If-None-Match": state["etag"]}
            if state.get("etag") and state.get("url") == str(self.url)
            else {}
        )
        first = await self.http.get(self.url.copy_merge_params({"per_page": str(PAGE)}), same)
        asked = first.headers.get("X-Poll-Interval", "")
        self.interval = min(float(asked), LONGEST_INTERVAL) if asked.isdecimal() else INTERVAL
        known: list[str] = state.get("ids", [])
        if first.status_code != 304:
            pages = await self._pages(first, set(known))
            self._look_for_gap(known, state.get("newest"), pages)
            state = {
                "url": str(self.url),
                "etag": first.headers.get("ETag"),
                "ids": list(self._seen) or known,
                "newest": max(self._seen.values(), default=state.get("newest")),
            }
        state["not_before"] = time.time() + self.interval
        # Only now: a poll that was killed is repeated from its start, and what it landed is recognised.
        await write_state(self.appender.connection, GITHUB_EVENTS, state)

    async def _wait_for_turn(self, not_before: float) -> None:
        """Waits until the interval that the last poll was told has passed."""
        seconds = min(not_before - time.time(), LONGEST_INTERVAL)
        if seconds > 0:
            self.say(f"the API asks for one poll in a while: waiting {seconds:,.0f} s")
            await asyncio.sleep(seconds)

    async def _pages(self, response: httpx.Response, known: set[str]) -> int:
        """Lands pages until one holds nothing new; how many they were."""
        for number in range(1, PAGES + 1):
            answer = Answer(response.content, f"{self.url}, page {number}")
            messages = self._messages(answer)
            landed = (
                await self.appender.append([message for _, message in messages]) if messages else Appended()
            )
            self.done += landed
            following = response.links.get("next", {}).get("url")
            all_known = messages and all(identity in known for identity, _ in messages)
            if not following or not messages or all_known:
                return number
            response = await self.http.get(response.url.join(following))
        return PAGES

    def _messages(self, answer: Answer) -> list[tuple[str, Message]]:
        """The events of a page, each under its id."""
        found: list[tuple[str, Message]] = []
        if answer.has_list is False:
            raise answer.no_list("nothing")
        for text, event in answer.records():
            identity = as_text(event.get("id")) if isinstance(event, dict) else None
            identity = identity or f"sha256:{hashlib.sha256(text).hexdigest()}"
            self._seen[identity] = _time(event)
            found.append((identity, Message(identity, text)))
        return found

    def _look_for_gap(self, known: list[str], newest: str | None, pages: int) -> None:
        if not known or not self._seen or any(identity in self._seen for identity in known):
            return
        oldest = min(filter(None, self._seen.values()), default="unknown")
        self.warnings.append(
            f"a gap: none of the {len(known):,} events of the last poll, up to {newest or 'unknown'}, is "
            f"among the {len(self._seen):,} on {pages} pages of this one, which begin at {oldest}; poll "
            "more often, or land the hours between from gharchive"
        )
        self.say(f"warning: {self.warnings[-1]}")


def _time(event: Any) -> str:
    found = event.get("created_at") if isinstance(event, dict) else None
    return found if isinstance(found, str) else ""
