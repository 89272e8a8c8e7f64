"""Requests to an API: repeated when they fail for a while, never too fast, their secrets never shown.

Every wait has a limit and is told; so many attempts in a row may fail, whatever the server asks for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import httpx

from headgate import __version__
from headgate.errors import HeadgateError
from headgate.pulling.bodies import ENCODINGS, MOST_ANSWER_BYTES, TooLargeError, read_body
from headgate.pulling.clock import SYSTEM, Clock
from headgate.pulling.results import Say
from headgate.pulling.waits import asked_for, until
from headgate.sources.base import without_credentials
from headgate.sources.hosts import REDIRECTS, is_home, require_allowed, require_peer
from headgate.sources.http import TRANSIENT

#: Attempts in a row that fail; seconds to wait after the first, and at most.
ATTEMPTS = 6
PAUSE, LONGEST_PAUSE = 0.5, 30.0
#: Seconds that a server may have one request wait; limits of APIs are reset within an hour.
LONGEST_WAIT = 3700.0
#: Shorter waits are not told.
WORTH_TELLING = 1.0
#: Seconds for one answer to the last byte of it.
SECONDS_FOR_ANSWER = 600.0


@dataclass
class HttpClient:
    """Asks one host, and others that were declared, which get no credentials."""

    client: httpx.AsyncClient
    #: Any URL of the host.
    home: httpx.URL
    say: Say
    #: What must not be shown.
    secrets: tuple[str, ...] = ()
    #: Sent to that host only.
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    #: Other hosts that answers may lead to.
    redirects: Collection[str] = ()
    #: Requests a second; None: no limit of ours.
    rate_limit: float | None = None
    clock: Clock = SYSTEM
    requests: int = field(default=0, init=False)
    #: By our own rate limit, and by what the server said: monotonic seconds.
    _not_before: float = field(default=0.0, init=False)
    _used_up_until: float = field(default=0.0, init=False)

    async def get(
        self, url: httpx.URL, headers: Mapping[str, str] | None = None, *, also: Collection[int] = ()
    ) -> httpx.Response:
        """The answer: a success, 304, or a status among `also`.

        Raises:
            HeadgateError: another answer, none for too long, or one that asks to wait too long.
        """
        waited = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            await self._wait_for_limit(url)
            try:
                response = await self._request(url, headers)
            except TimeoutError:
                problem, asked = f"no whole answer within {SECONDS_FOR_ANSWER:,.0f} s", None
            except httpx.RequestError as error:
                problem, asked = str(error) or type(error).__name__, None
            else:
                asked = asked_for(response, self.clock.now())
                if response.is_success or response.status_code in (304, *also):
                    self._used_up_until = self.clock.monotonic() + (asked or 0.0)
                    return response
                problem = f"HTTP status {response.status_code}"
                if asked is None and response.status_code not in TRANSIENT:
                    raise self.refusal(url, response)
            if attempt < ATTEMPTS:
                # Also where the server asks for no wait at all: it refused just now.
                pause = max(asked or 0.0, min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
                await self._wait(url, problem, pause, waited)
                waited += pause
        raise self._error(url, f"{problem}, {ATTEMPTS} times in a row", _AGAIN)

    async def _request(self, url: httpx.URL, headers: Mapping[str, str] | None) -> httpx.Response:
        """One request, and those that it is redirected to."""
        for _ in range(REDIRECTS + 1):
            require_allowed(url, self.home, self.redirects)
            if (rest := self._not_before - self.clock.monotonic()) > 0:
                await self.clock.sleep(rest)
            if self.rate_limit is not None:
                self._not_before = self.clock.monotonic() + 1 / self.rate_limit
            self.requests += 1
            response = await self._ask(url, headers or {})
            if not response.has_redirect_location:
                return response
            try:
                url = response.url.join(response.headers["Location"])
            except httpx.InvalidURL:
                raise self._error(url, "a redirect to text that is no URL", "check the URL") from None
        raise self._error(url, f"more than {REDIRECTS} redirects", "correct the URL")

    async def _ask(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        """One answer with its body."""
        if is_home(url, self.home):
            headers = {**self.headers, **headers}
            url = url.copy_merge_params(dict(self.params)) if self.params else url
        async with (
            asyncio.timeout(SECONDS_FOR_ANSWER),
            self.client.stream("GET", url, headers=dict(headers)) as response,
        ):
            require_peer(response, self.home)
            try:
                return await read_body(response)
            except TooLargeError:
                found = f"more than {MOST_ANSWER_BYTES >> 20} MB, unpacked"
                raise self._error(url, found, _SMALLER) from None

    def refusal(self, url: httpx.URL, response: httpx.Response) -> HeadgateError:
        """The error of an answer that is no success."""
        return self._error(url, f"HTTP status {response.status_code}", _advice(response.status_code))

    async def _wait_for_limit(self, url: httpx.URL) -> None:
        """Waits until the server takes requests again, when it said that the limit is used up."""
        if (rest := self._used_up_until - self.clock.monotonic()) > 0:
            await self._wait(url, "the server's limit of requests is used up", rest, 0.0)

    async def _wait(self, url: httpx.URL, problem: str, seconds: float, waited: float) -> None:
        """Waits, and says so; `waited` is how long the request has waited before."""
        end = until(seconds, self.clock.now())
        if waited + seconds > LONGEST_WAIT:
            found = f"{problem}; it asks to wait {end}, and a request waits {LONGEST_WAIT:,.0f} s at most"
            raise self._error(url, found, "run the command again after that; what has landed stays")
        if seconds >= WORTH_TELLING:
            self.say(self._hidden(f"{problem}: waiting {seconds:,.0f} s, {end}"))
        await self.clock.sleep(seconds)

    def _error(self, url: httpx.URL, found: str, next_step: str) -> HeadgateError:
        return HeadgateError(
            without_credentials(str(url)),
            expected="an answer",
            found=self._hidden(found),
            next_step=next_step,
        )

    def _hidden(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


_SMALLER = "ask for smaller pages, or declare a large export as a source of type files"
_AGAIN = "check the network and the server, then run the command again"


def new_client(headers: Mapping[str, str], timeout: float = 60.0) -> httpx.AsyncClient:
    """A client that follows no redirect by itself and logs no URL: its query may hold a secret."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        headers={"User-Agent": f"headgate/{__version__}", "Accept-Encoding": ENCODINGS, **headers},
        timeout=httpx.Timeout(timeout, connect=15),
        follow_redirects=False,
    )


def _advice(status: int) -> str:
    if status in (401, 403):
        return "check the credentials in the environment, and what they may read"
    if status in (404, 410):
        return "check the URL"
    return "check the declaration against the API's documentation"
