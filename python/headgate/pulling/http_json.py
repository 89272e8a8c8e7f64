"""Lands what a declared REST endpoint has, page by page."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from headgate.errors import HeadgateError, UsageError
from headgate.landing import Appended, Appender, Message, open_appender
from headgate.landing.times import parse_time
from headgate.pulling.asking import Asker, new_client
from headgate.pulling.json_records import Answer, as_text, value_at
from headgate.pulling.pages import pages_for
from headgate.pulling.results import Pulled, Say
from headgate.pulling.state import alone, read_state, write_state
from headgate.settings import Settings
from headgate.sources.base import without_credentials
from headgate.sources.declared import DeclaredSource
from headgate.sources.loaders import Auth, HttpJson


async def pull_http(settings: Settings, source: DeclaredSource, declared: HttpJson, say: Say) -> Pulled:
    """Lands what is new at the endpoint.

    Raises:
        UsageError: the variable with the credentials is not set.
        HeadgateError: the server refuses, fails for too long, or answers something else.
    """
    began = time.monotonic()
    headers, params, secrets = _credentials(declared.auth)
    uri = without_credentials(declared.url)
    async with (
        open_appender(settings, source.name, uri=uri) as appender,
        alone(appender.connection, source),
        new_client({"Accept": "application/json", **dict(declared.headers), **headers}) as client,
    ):
        asker = Asker(client, httpx.URL(declared.url), say, secrets, declared.rate_limit)
        pull = _Pull(appender, source, declared, asker, params)
        await pull.run()
    return Pulled(
        source=source.name,
        uri=uri,
        rows=pull.done,
        requests=asker.requests,
        seconds=time.monotonic() - began,
    )


@dataclass
class _Pull:
    """One pull of one endpoint."""

    appender: Appender
    source: DeclaredSource
    declared: HttpJson
    asker: Asker
    #: Sent with every request, also where the server says the URL.
    credentials: dict[str, str]
    done: Appended = field(default_factory=Appended, init=False)

    async def run(self) -> None:
        """Lands every page, then notes the newest value."""
        state = await read_state(self.appender.connection, self.source)
        incremental = self.declared.incremental
        params = dict(self.declared.params)
        newest: str | None = None
        if incremental is not None:
            newest = state.get("newest") or incremental.initial
            if newest is not None:
                params[incremental.param] = newest
        latest = await self._pages(params, newest)
        if latest is not None and latest != state.get("newest"):
            await write_state(self.appender.connection, self.source, {**state, "newest": latest})

    async def _pages(self, params: dict[str, str], newest: str | None) -> str | None:
        """Lands the pages; the newest value that they or the last pull held."""
        pages = pages_for(self.declared.pagination, httpx.URL(self.declared.url), params)
        for _ in range(self.declared.max_pages):
            url = pages.url.copy_merge_params({**pages.params, **self.credentials})
            response = await self.asker.get(url)
            answer = Answer(response.content, without_credentials(str(url)))
            texts = answer.records(self.declared.records)
            if self.declared.incremental is not None:
                found = value_at(answer.value, self.declared.records)
                values = (as_text(value_at(record, self.declared.incremental.origin)) for record in found)
                newest = max((value for value in (newest, *values) if value), key=_rank, default=None)
            if texts:
                self.done += await self.appender.append([Message(_version(text), text) for text in texts])
            before = (pages.url, dict(pages.params))
            if not pages.advance(answer, response, len(texts)):
                return newest
            if (pages.url, pages.params) == before:
                raise self._error("another page than the last one", "the same page as the next one")
        raise self._error(f"an end within {self.declared.max_pages:,} pages", "one more page")

    def _error(self, expected: str, found: str) -> HeadgateError:
        return HeadgateError(
            without_credentials(self.declared.url),
            expected=expected,
            found=found,
            next_step="check `pagination` and `max_pages` of the loader; the pages so far have landed",
        )


def _credentials(auth: Auth | None) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Headers and parameters that say who asks, and what of them is secret."""
    if auth is None:
        return {}, {}, ()
    secret = os.environ.get(auth.env, "")
    if not secret or not secret.isprintable() or not secret.isascii():
        raise UsageError(
            auth.env,
            expected="the credentials, in plain characters",
            found="something else" if secret else "it is not set",
            next_step=f"set the environment variable {auth.env}",
        )
    if auth.style == "query":
        return {}, {auth.name: secret}, (secret,)
    if auth.style == "bearer":
        return {"Authorization": f"Bearer {secret}"}, {}, (secret,)
    if auth.style == "header":
        return {auth.name: secret}, {}, (secret,)
    encoded = base64.b64encode(secret.encode()).decode()
    return {"Authorization": f"Basic {encoded}"}, {}, (secret, encoded)


def _version(text: bytes) -> str:
    """The same for the same record in the same words."""
    return hashlib.sha256(text).hexdigest()


def _rank(text: str) -> tuple[int, Any]:
    """Orders times and numbers as such, and anything else as text."""
    moment = parse_time(text)
    if moment is not None:
        return 2, moment
    try:
        return 1, Decimal(text)
    except InvalidOperation:
        return 0, text
