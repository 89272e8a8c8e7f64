"""Requests to an API: repeated when they fail for a while, never too fast, their secrets never shown."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx

from headgate import __version__
from headgate.errors import HeadgateError
from headgate.pulling.results import Say
from headgate.sources.base import without_credentials
from headgate.sources.http import TRANSIENT

#: Attempts in a row that fail; seconds to wait after the first, and at most.
PATIENCE = 6
PAUSE, LONGEST_PAUSE = 0.5, 30.0
#: Seconds that a server may have us wait; GitHub's limits are reset within an hour.
LONGEST_WAIT = 3700.0
#: Seconds to wait for a limit that does not say how long.
UNKNOWN_WAIT = 60.0
REDIRECTS = 5


@dataclass
class Asker:
    """Asks one host."""

    client: httpx.AsyncClient
    #: Any URL of the host; requests to others are refused.
    home: httpx.URL
    say: Say
    #: What must not be shown.
    secrets: tuple[str, ...] = ()
    #: Requests a second; None: no limit of ours.
    rate_limit: float | None = None
    requests: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)

    async def get(self, url: httpx.URL, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer: a success, or 304.

        Raises:
            HeadgateError: another answer, or none for too long.
        """
        failures = 0
        while True:
            try:
                response = await self._ask(url, headers)
            except httpx.TransportError as error:
                problem, wait = str(error) or type(error).__name__, None
            else:
                wait = _wait_asked_for(response)
                if response.status_code == 304 or response.is_success:
                    # What is used up now cannot be asked before that.
                    self._not_before = max(self._not_before, time.monotonic() + (wait or 0.0))
                    return response
                problem = f"HTTP status {response.status_code}"
                if wait is None and response.status_code not in TRANSIENT:
                    raise self._error(url, problem, _advice(response.status_code))
            if wait is not None:
                await self._wait(url, problem, wait)
                continue
            failures += 1
            if failures >= PATIENCE:
                raise self._error(
                    url, problem, "check the network and the server, then run the command again"
                )
            await asyncio.sleep(min(PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))

    async def _ask(self, url: httpx.URL, headers: Mapping[str, str] | None) -> httpx.Response:
        """One request, and those that it is redirected to."""
        for _ in range(REDIRECTS):
            self.require_home(url)
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            if self.rate_limit is not None:
                self._not_before = time.monotonic() + 1 / self.rate_limit
            self.requests += 1
            response = await self.client.get(url, headers=dict(headers or {}))
            if not response.has_redirect_location:
                return response
            url = response.url.join(response.headers["Location"])
        raise self._error(url, f"more than {REDIRECTS} redirects", "correct the URL")

    def require_home(self, url: httpx.URL) -> None:
        """Refuses to send credentials to another host than they are for.

        Raises:
            HeadgateError: the URL leads to one.
        """
        if (url.scheme, url.host, url.port) != (self.home.scheme, self.home.host, self.home.port):
            raise self._error(
                self.home,
                f"an answer that points to {url.scheme}://{url.host}",
                "name the right host in the URL of the loader",
            )

    async def _wait(self, url: httpx.URL, problem: str, seconds: float) -> None:
        if seconds > LONGEST_WAIT:
            raise self._error(url, f"{problem}, for {seconds:,.0f} s", "run the command again after that")
        if seconds > 1:
            self.say(f"{problem}: waiting {seconds:,.0f} s, as the server asks")
        await asyncio.sleep(seconds)

    def _error(self, url: httpx.URL, found: str, next_step: str) -> HeadgateError:
        for secret in self.secrets:
            found = found.replace(secret, "***")
        return HeadgateError(
            without_credentials(str(url)), expected="an answer", found=found, next_step=next_step
        )


def new_client(headers: Mapping[str, str], timeout: float = 60.0) -> httpx.AsyncClient:
    """A client that follows no redirect by itself and logs no URL: its query may hold a secret."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        headers={"User-Agent": f"headgate/{__version__}", **headers},
        timeout=httpx.Timeout(timeout, connect=15),
        follow_redirects=False,
    )


def _wait_asked_for(response: httpx.Response) -> float | None:
    """Seconds that an answer asks to wait; None when it does not."""
    headers = response.headers
    refused = response.status_code in (403, 429, 503)
    if refused and (after := headers.get("Retry-After")):
        if after.isdecimal():
            return float(after)
        moment = _moment(after)
        return None if moment is None else max(0.0, moment - _server_time(response))
    if headers.get("X-RateLimit-Remaining") == "0" and headers.get("X-RateLimit-Reset", "").isdecimal():
        return max(0.0, int(headers["X-RateLimit-Reset"]) - _server_time(response)) + 1
    limited = response.status_code in (403, 429) and b"rate limit" in response.content[:2000].lower()
    return UNKNOWN_WAIT if limited else None


def _server_time(response: httpx.Response) -> float:
    """The server's clock, which limits are told in."""
    return _moment(response.headers.get("Date", "")) or time.time()


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None


def _advice(status: int) -> str:
    if status in (401, 403):
        return "check the credentials in the environment, and what they may read"
    if status in (404, 410):
        return "check the URL"
    return "check the declaration against the API's documentation"
