"""Lands what a declared REST endpoint has, page by page."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from headgate.errors import UsageError
from headgate.landing import Appended, Appender, Message, open_appender
from headgate.landing.times import parse_time
from headgate.pulling.binding import bound_state, of_endpoint
from headgate.pulling.http_client import HttpClient, new_client
from headgate.pulling.json_records import Answer, as_text, value_at
from headgate.pulling.pages import pages_for
from headgate.pulling.results import Pulled, Say
from headgate.pulling.state import alone, write_state
from headgate.pulling.versions import Versions
from headgate.report import number_of
from headgate.settings import Settings
from headgate.sources.base import without_credentials
from headgate.sources.declared import DeclaredSource
from headgate.sources.loaders import Auth, HttpJson

#: What a value of `incremental` is, in the order in which kinds rank.
TEXT, NUMBER, TIME = range(3)
#: A time without a zone may be of any.
UNTOLD_ZONE = timedelta(days=1)
#: Answers without a body.
NO_CONTENT = (204, 205)


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
        new_client({"Accept": "application/json"}) as client,
    ):
        http = HttpClient(
            client,
            httpx.URL(declared.url),
            say,
            secrets,
            {**dict(declared.headers), **headers},
            params,
            declared.redirects,
            declared.rate_limit,
        )
        pull = _Pull(appender, source, declared, http)
        await pull.run()
    return Pulled(
        source=source.name,
        uri=uri,
        rows=pull.done,
        requests=http.requests,
        warnings=tuple(pull.warnings),
        seconds=time.monotonic() - began,
    )


@dataclass
class _Pull:
    """One pull of one endpoint."""

    appender: Appender
    source: DeclaredSource
    declared: HttpJson
    http: HttpClient
    done: Appended = field(default_factory=Appended, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    _state: dict[str, Any] = field(default_factory=dict, init=False)
    #: The greatest value of `incremental` that was seen so far, of those that can be a position.
    _newest: str | None = field(default=None, init=False)
    _versions: Versions = field(init=False)
    #: Records with a value that cannot.
    _ahead: int = field(default=0, init=False)

    async def run(self) -> None:
        """Lands every page, then notes the newest value."""
        parts = of_endpoint(self.declared)
        self._state = await bound_state(
            self.appender.connection, self.source, parts, self.http.say, restart=True
        )
        incremental = self.declared.incremental
        params = dict(self.declared.params)
        if incremental is not None:
            self._newest = self._state.get("newest") or incremental.initial
            if self._newest is not None:
                params[incremental.param] = self._newest
        noted = dict(self._state)
        self._versions = await Versions.opened(self.appender, self._state.get("pull"))
        await self._pages(params)
        await self._versions.finish()
        self._state["pull"] = self._versions.pull
        if self._ahead:
            self._warn(
                f"{number_of(self._ahead, 'record')} held a time to come or no finite number"
                " for `incremental`; the next pull asks from the newest of the others on"
            )
        if self._newest is not None:
            self._state["newest"] = self._newest
        if self._state != noted:
            await write_state(self.appender.connection, self.source, self._state, parts)

    async def _pages(self, params: dict[str, str]) -> None:
        """Lands the pages."""
        pages = pages_for(self.declared.pagination, httpx.URL(self.declared.url), params, self._warn)
        while pages.number <= self.declared.max_pages:
            url = pages.url.copy_merge_params(pages.params)
            response = await self.http.get(url, also=pages.may_end_with)
            if response.is_error:
                if not pages.is_past_the_end(response):
                    raise self.http.refusal(url, response)
                self.http.say(f"page {pages.number}: HTTP status {response.status_code}, taken as the end")
                return
            answer = self._answer(response, pages.number)
            texts = await self._land(answer.records())
            if not pages.advance(answer, response, texts):
                return
        raise pages.error(f"an end within {number_of(self.declared.max_pages, 'page')}", "one more page")

    def _answer(self, response: httpx.Response, page: int) -> Answer:
        """The answer, which holds a list of records, or is an empty page."""
        body = b"null" if response.status_code in NO_CONTENT else response.content
        subject = without_credentials(str(response.url))
        answer = Answer(body, subject, self.declared.records, response.charset_encoding)
        if answer.has_list:
            self._state["had_list"] = True
        elif answer.has_list is False and page == 1 and not self._state.get("had_list"):
            # Later, an API may leave out an empty list; `records` has been right before.
            raise answer.no_list("nothing")
        return answer

    async def _land(self, records: list[tuple[bytes, Any]]) -> list[bytes]:
        """Lands the records of a page; their texts."""
        texts = [text for text, _ in records]
        if self.declared.incremental is not None:
            origin = self.declared.incremental.origin
            values = [text for _, record in records if (text := as_text(value_at(record, origin)))]
            told = [value for value in values if _has_been(value)]
            self._ahead += len(values) - len(told)
            self._newest = max((value for value in (self._newest, *told) if value), key=_rank, default=None)
        if texts:
            ids = await self._versions.delivery_ids(records)
            fresh = [Message(name, text) for name, text in zip(ids, texts, strict=True) if name is not None]
            self.done += await self.appender.append(fresh) if fresh else Appended()
            self.done += Appended(redelivered=len(texts) - len(fresh))
            await self._versions.note()
        return texts

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        self.http.say(f"warning: {text}")


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


def _has_been(text: str) -> bool:
    """Whether a value can be a position: from one ahead of all that comes, nothing would be asked for."""
    kind, value = _rank(text)
    if kind == TIME:
        return bool(value <= datetime.now(UTC) + UNTOLD_ZONE)
    return kind != NUMBER or bool(value.is_finite())


def _rank(text: str) -> tuple[int, Any]:
    """Orders times and numbers as such, and anything else as text."""
    moment = parse_time(text)
    if moment is not None:
        return TIME, moment
    try:
        return NUMBER, Decimal(text)
    except InvalidOperation:
        return TEXT, text
