"""The receiver as an ASGI application: checks a delivery, has it landed, answers.

Data flow: POST to the path of a source -> size, type, signature, headers -> event record -> intake -> 200.
Every answer is JSON; `error` says what is wrong. Logs tell of refusals and of the database, not of contents.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from headgate.errors import UsageError
from headgate.landing import lossless_json
from headgate.landing.memory import LARGE, OUT_OF_MEMORY, heed_memory, require_room
from headgate.landing.messages import Message
from headgate.landing.reconnecting import ReconnectingAppender, reason
from headgate.logs import service_log
from headgate.receiving.intake import AwayError, FullError, Held, Intake
from headgate.receiving.signature import is_signed
from headgate.receiving.source import WebhookSource, webhook_source
from headgate.secrecy import require_strong
from headgate.settings import Settings, load_settings

#: Larger ones are refused.
MOST_BODY_BYTES = 25 << 20
SECONDS_FOR_BODY = 10.0
#: Said with 503, in seconds.
RETRY_AFTER = "10"
_LONGEST_HEADER = 200


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake
    """What is wrong with a request, and the status that says so."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def create_app() -> FastAPI:
    """The application, with settings from the environment; uvicorn's worker processes call this.

    Raises:
        UsageError: a setting cannot be used, or there is no secret.
    """
    receiver = Receiver(load_settings())
    # No page of documentation, which would be served to everybody who finds the port.
    app = FastAPI(openapi_url=None, lifespan=receiver.lifespan)
    app.add_route(receiver.source.path, receiver.receive, methods=["POST"])
    app.add_route("/healthz", receiver.health, methods=["GET"])
    app.add_exception_handler(HTTPException, receiver.refuse_route)
    return app


class Receiver:
    """One worker process of the receiver."""

    def __init__(self, settings: Settings) -> None:
        self.source = webhook_source(settings.project_dir)
        self.secret = required_secret(settings, self.source)
        self.log = service_log("receiver")
        self.appender = ReconnectingAppender(
            settings, self.source.name, uri=f"webhooks, process {os.getpid()}", on_change=self._tell
        )
        self.intake = Intake(self.appender)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Lands while the server runs; at its end, what waits is landed and the load is closed."""
        _end_with_parent()
        # What was imported stays: to look through it for garbage takes as long as many deliveries.
        gc.collect()
        gc.freeze()
        landing = asyncio.create_task(self.intake.run())
        landing.add_done_callback(self._end_when_broken)
        self.log.info("receiving")
        yield
        self.intake.end()
        # Everything that was accepted is answered by now: what is left waits for a database that is away.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await landing
        await self.appender.close()
        self.log.info("ended")

    async def receive(self, request: Request) -> Response:
        """Takes one delivery."""
        try:
            with self.intake.hold() as held:
                delivery = await self._read(request, held)
                message, is_object = delivery.message(self.source, datetime.now(UTC))
                await self.intake.land(message)
            if not is_object:
                raise Refusal(400, "the body is not one JSON object; it was kept as a reject")
        except Refusal as refusal:
            return self._refuse(refusal)
        except ClientDisconnect:
            # Nobody reads this answer.
            return self._refuse(Refusal(400, "the client went away before the body ended"))
        except OUT_OF_MEMORY:
            return self._refuse(Refusal(503, "no memory to read the delivery"), close=True)
        except FullError:
            return self._refuse(Refusal(503, "too many deliveries wait to be written"), close=True)
        except AwayError:
            return self._refuse(Refusal(503, "the delivery could not be written in time"))
        return _answer(200, {"status": "durable", "delivery": delivery.delivery_id})

    async def health(self, _: Request) -> Response:
        """Whether deliveries can be written now."""
        if self.appender.is_connected:
            return _answer(200, {"status": "ok"})
        return _answer(503, {"status": "no connection to PostgreSQL"})

    async def refuse_route(self, _: Request, error: Exception) -> Response:
        """Answers what is no delivery."""
        assert isinstance(error, HTTPException)
        texts = {404: f"deliveries go to {self.source.path}", 405: "deliveries come by POST"}
        said = texts.get(error.status_code, error.detail)
        return _answer(error.status_code, {"error": said}, dict(error.headers or {}))

    async def _read(self, request: Request, held: Held) -> Delivery:
        headers = request.headers
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            await self._body(request, held)
            raise Refusal(
                415, "the content type is not application/json: choose it in the webhook's settings"
            )
        body = await self._body(request, held)
        if not is_signed(self.secret, body, headers.get("x-hub-signature-256")):
            raise Refusal(
                401, "X-Hub-Signature-256 is missing, or not this body's with the receiver's secret"
            )
        event, delivery_id = (
            _header(request, name, self.source.sender)
            for name in (self.source.event_header, self.source.delivery_header)
        )
        return Delivery(event, delivery_id, body)

    async def _body(self, request: Request, held: Held) -> bytes:
        """The body, however it is sent.

        Raises:
            Refusal: too large, or too slow.
            FullError: there is no room for it.
        """
        announced = request.headers.get("content-length", "0")
        size = int(announced) if announced.isdecimal() else 0
        if size > MOST_BODY_BYTES and "expect" in request.headers:
            # The client waits to be told to send it.
            raise _too_large()
        chunks: list[bytes] = []
        length = 0
        try:
            async with asyncio.timeout(SECONDS_FOR_BODY):
                async for chunk in request.stream():
                    length += len(chunk)
                    if length <= MOST_BODY_BYTES:
                        held.add(len(chunk))
                        chunks.append(chunk)
                    else:
                        # Read to its end all the same: a client that still sends does not see the answer.
                        chunks.clear()
                        held.drop()
        except TimeoutError:
            if length <= MOST_BODY_BYTES:
                raise Refusal(408, "the body did not arrive in time") from None
        if length > MOST_BODY_BYTES:
            raise _too_large()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _refuse(self, refusal: Refusal, *, close: bool = False) -> Response:
        self.log.warning("refused", status=refusal.status, reason=refusal.error)
        headers = {}
        if refusal.status == 503:
            headers["retry-after"] = RETRY_AFTER
        if close or refusal.status in (408, 413):
            headers["connection"] = "close"
        return _answer(refusal.status, {"error": refusal.error}, headers)

    def _tell(self, error: Exception | None) -> None:
        if error is None:
            self.log.info("connected to PostgreSQL")
        else:
            self.log.warning("no connection to PostgreSQL", reason=reason(error))

    def _end_when_broken(self, landing: asyncio.Task[None]) -> None:
        """A process that can never land must not go on to take deliveries."""
        if not landing.cancelled() and (error := landing.exception()) is not None:
            self.log.error("cannot land", reason=str(error))
            signal.raise_signal(signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery whose signature is good."""

    event: str
    delivery_id: str
    body: bytes

    def message(self, source: WebhookSource, received_at: datetime) -> tuple[Message, bool]:
        """What is landed, and whether the body is a JSON object; when not, it is a reject as a whole."""
        try:
            parsed = _parse(self.body)
        except ValueError:
            return Message(self.delivery_id, self.body, is_record=False), False
        record = source.record(self.event, self.delivery_id, received_at, self.body, parsed)
        return Message(self.delivery_id, record), True


def required_secret(settings: Settings, source: WebhookSource) -> str:
    """The secret that the webhook was made with."""
    if settings.webhook_secret is None:
        raise UsageError(
            "HEADGATE_WEBHOOK_SECRET",
            expected=f"the secret of the webhook, as {source.sender} has it",
            found="nothing",
            next_step="set it: without it anybody could send deliveries",
        )
    if not settings.allow_weak_keys:
        step = (
            f"give it to the webhook at {source.sender} too; "
            "until then, HEADGATE_ALLOW_WEAK_KEYS=1 takes this one"
        )
        require_strong("HEADGATE_WEBHOOK_SECRET", settings.webhook_secret, next_step=step)
    return settings.webhook_secret


def _parse(body: bytes) -> dict[str, Any]:
    """The body, which is an object; empty when only PostgreSQL reads it.

    Raises:
        ValueError: it is not one JSON object.
        MemoryError: there is no room to parse it.
    """
    if len(body) > LARGE:
        require_room(body)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        heed_memory(error)
        # Deeper nesting and larger numbers than orjson takes.
        found, rest, _ = lossless_json.loads_many(body.decode())
        if len(found) != 1 or rest or type(found[0][0]) is not dict:
            raise
        return {}
    if type(parsed) is not dict:
        raise ValueError("not an object")
    return parsed


def _header(request: Request, name: str, sender: str) -> str:
    found = request.headers.get(name, "")
    if not found or len(found) > _LONGEST_HEADER or not found.isascii() or not found.isprintable():
        raise Refusal(400, f"{name} is missing, or not what {sender} sends")
    return found


def _too_large() -> Refusal:
    return Refusal(413, f"the body is larger than {MOST_BODY_BYTES >> 20} MB")


def _answer(status: int, content: dict[str, str], headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


def _end_with_parent() -> None:
    """A worker whose supervisor was killed ends, and frees the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, signal.raise_signal, signal.SIGTERM)
