"""The server as an ASGI application.

Data flow: POST /predict -> key, body, signature -> features -> both versions -> log -> answer. Refusals are
JSON with object, expectation, found and next step. Service logs tell of swaps and refusals, not of contents.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from headgate.errors import HeadgateError, UsageError
from headgate.landing.reconnecting import ReconnectingAppender, reason
from headgate.logs import service_log
from headgate.postgres.connection import Connection, dsn
from headgate.serving import answers, keys, metrics, openapi
from headgate.serving.access import Access
from headgate.serving.answers import Answering, told
from headgate.serving.deployed import Deployment, Follower
from headgate.serving.log import PredictionLog
from headgate.serving.refusals import RETRY_AFTER, Refusal
from headgate.serving.requests import Asked
from headgate.serving.shipping import SOURCE, Shipper
from headgate.settings import Settings, load_settings
from headgate.store.reading import FeatureStore

MOST_BODY_BYTES = 1 << 20
SECONDS_FOR_BODY = 10.0
SECONDS_TO_SHIP = 5.0
SECONDS_TO_READ = 5.0
#: Requests that are being answered at once in one process; those whose body still comes do not count.
MOST_AT_ONCE = 256
#: What workers read of how the command was called.
OPTIONS = "HEADGATE_SERVE"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Options:
    """How `headgate serve` was called."""

    model: str
    is_open: bool
    keys_file: str | None = None
    rate: float | None = None


def create_app() -> FastAPI:
    """The application, with settings and options from the environment; uvicorn's workers call this."""
    server = Server(load_settings(), Options(**orjson.loads(os.environ[OPTIONS])))
    app = FastAPI(openapi_url=None, lifespan=server.lifespan)
    posts = {"/predict": server.predict, "/features": server.features}
    gets = {
        "/model": server.model,
        "/openapi.json": server.openapi,
        "/metrics": server.metrics,
        "/healthz": server.healthz,
        "/readyz": server.readyz,
    }
    for method, routes in (("POST", posts), ("GET", gets)):
        for path, handler in routes.items():
            app.add_route(path, server.answered(handler), methods=[method])
    app.add_exception_handler(HTTPException, server.refuse_route)
    return app


def log_folder(settings: Settings) -> Path:
    """Where answers wait to be landed."""
    return settings.home / "predictions"


class Server:
    """One worker process."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self._settings = settings
        self._name = options.model
        self.log = service_log("serving")
        fixed = keys.from_file(Path(options.keys_file)) if options.keys_file else {}
        self._access = Access(is_open=options.is_open, fixed=fixed, rate=options.rate)
        self._follower = Follower(settings, options.model, self.log, self._read_keys)
        self._counters = metrics.Counters(options.model)
        self._at_once = 0

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Follows and ships while the server runs; at its end, lands what was answered."""
        _end_with_parent()
        await self._follower.start()
        self._log = PredictionLog(log_folder(self._settings))
        self._store = FeatureStore(dsn(self._settings), timeout=SECONDS_TO_READ)
        self._answering = Answering(self._name, self._follower, self._store, self._log)
        appender = ReconnectingAppender(
            self._settings, SOURCE, uri=f"serving, process {os.getpid()}", on_change=self._tell
        )
        shipper = Shipper(self._log.folder, appender, self._log)
        gc.collect()
        gc.freeze()
        tasks = [asyncio.create_task(self._follower.run()), asyncio.create_task(shipper.run())]
        for task in tasks:
            task.add_done_callback(self._end_when_broken)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._log.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_SHIP):
                await shipper.ship()
        await appender.close()
        await self._store.close()
        self.log.info("ended")

    def answered(self, handler: Handler) -> Handler:
        """A handler whose refusals become answers."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                return self._refuse(refusal)
            except ClientDisconnect:
                return Response(status_code=400)

        return answer

    async def predict(self, request: Request) -> Response:
        """Scores of one row or several."""
        begun = time.perf_counter()
        self._access.require(request.headers, "predict")
        body = await _body(request)
        deployment = self._deployed()
        asked = deployment.champion.checker.request(body)
        if asked.explain:
            self._access.require(request.headers, "explain")
        with self._room():
            rows, read, deployment = await self._answering.answer(asked, deployment)
        for one in rows:
            self._counters.count(one.version, "challenger" if one.is_challenger else "champion", one.status)
        if read.staleness_seconds is not None:
            metrics.STALENESS.labels(self._name).set(read.staleness_seconds)
        series = metrics.EXPLANATION_SECONDS if asked.explain else metrics.SECONDS
        series.labels(self._name).observe(time.perf_counter() - begun)
        return self._told(asked, rows, read)

    async def features(self, request: Request) -> Response:
        """The newest features of an entity, as the model would be given them."""
        self._access.require(request.headers, "read")
        deployment = self._deployed()
        asked = deployment.champion.checker.key(await _body(request))
        views = [*dict.fromkeys(given.view for given in deployment.champion.package.signature.fetched)]
        try:
            answer = await self._store.online([view for view in views if view], asked)
        except UsageError as error:
            raise Refusal.of(422, error) from None
        except HeadgateError as error:
            raise Refusal.of(503, error) from None
        found = answer[0].features
        return _answer(
            200,
            {
                "release": answer.release,
                "processed_to": answer.processed_to,
                "as_of": {view: values.as_of for view, values in found.items() if values is not None},
                "features": {view: values and values.as_dict() for view, values in found.items()},
            },
        )

    async def model(self, request: Request) -> Response:
        """What answers."""
        self._access.require(request.headers, "read")
        deployment = self._deployed()
        package, challenger = deployment.champion.package, deployment.challenger
        refusal = self._follower.refusal
        return _answer(
            200,
            {
                "model": self._name,
                "version": deployment.champion.version,
                "model_sha256": package.model_sha256,
                "flavour": package.flavour,
                "task": package.task,
                "release": deployment.release_id,
                "challenger": challenger and challenger.version,
                "canary_share": deployment.share,
                "signature": package.signature.as_dict(),
                "unknown_entity": package.options.get("unknown_entity", "missing"),
                "refused_swap": refusal and refusal.as_dict(),
            },
        )

    async def openapi(self, request: Request) -> Response:
        """The OpenAPI description."""
        self._access.require(request.headers, "read")
        return _answer(200, openapi.described(self._name, self._deployed().champion.package.signature))

    async def metrics(self, request: Request) -> Response:
        """Figures for Prometheus."""
        self._access.require(request.headers, "metrics")
        metrics.PENDING.labels(self._name).set(self._log.pending)
        metrics.READY.labels(self._name).set(self._not_ready() is None)
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    async def healthz(self, _: Request) -> Response:
        """The process lives."""
        return _answer(200, {"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether requests by key can be answered."""
        why = self._not_ready()
        return _answer(503 if why else 200, {"status": why or "ok"})

    async def refuse_route(self, _: Request, error: Exception) -> Response:
        """Answers what is no route."""
        assert isinstance(error, HTTPException)
        body = {
            "error": {
                "object": "request",
                "expected": "POST /predict or /features; GET /model, /metrics, /healthz, /readyz",
                "found": error.detail,
                "next_step": "GET /openapi.json describes them",
            }
        }
        return _answer(error.status_code, body, dict(error.headers or {}))

    def _told(self, asked: Asked, rows: list[answers.Made], read: answers.Read) -> Response:
        given = [told(one, self._name, read) for one in rows]
        if asked.is_batch:
            return _answer(200, {"predictions": given})
        (one,) = rows
        status = {answers.ANSWERED: 200, answers.REFUSED: 422, answers.FAILED: 500}[one.status]
        if status == 200:
            return _answer(200, given[0])
        error = {
            "object": f"model {self._name}",
            "expected": "an entity with features" if status == 422 else "a score",
            "found": one.error,
            "next_step": "send the features, or another key" if status == 422 else "see the server's log",
        }
        return _answer(status, {**given[0], "error": error})

    def _deployed(self) -> Deployment:
        assert self._follower.current is not None
        return self._follower.current

    def _not_ready(self) -> str | None:
        if not self._follower.is_connected:
            return "no connection to PostgreSQL"
        return str(self._follower.refusal) if self._follower.refusal else None

    @contextlib.contextmanager
    def _room(self) -> Any:
        if self._at_once >= MOST_AT_ONCE:
            raise Refusal(
                503,
                "server",
                expected=f"at most {MOST_AT_ONCE} requests at once",
                found="more",
                next_step="ask again in a second",
            )
        self._at_once += 1
        try:
            yield
        finally:
            self._at_once -= 1

    def _refuse(self, refusal: Refusal) -> Response:
        metrics.REFUSED.labels(self._name, str(refusal.status)).inc()
        headers = {"retry-after": RETRY_AFTER} if refusal.status in (429, 503) else {}
        if refusal.status in (408, 413):
            headers["connection"] = "close"
        if refusal.status == 401:
            headers["www-authenticate"] = "Bearer"
        return _answer(refusal.status, refusal.body, headers)

    async def _read_keys(self, connection: Connection) -> None:
        self._access.stored = await keys.usable(connection)

    def _tell(self, error: Exception | None) -> None:
        if error is not None:
            self.log.warning("cannot land the prediction log", reason=reason(error))

    def _end_when_broken(self, task: asyncio.Task[None]) -> None:
        """A process that can follow or land no more must not go on to answer."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("cannot go on", reason=str(error) or type(error).__name__)
            signal.raise_signal(signal.SIGTERM)


async def _body(request: Request) -> bytes:
    """The body.

    Raises:
        Refusal: not JSON by its type, too large, or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _unusable(415, "content type", "application/json", kind[:80] or "none")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MOST_BODY_BYTES:
        raise _too_large()
    chunks, length = [], 0
    try:
        async with asyncio.timeout(SECONDS_FOR_BODY):
            async for chunk in request.stream():
                length += len(chunk)
                if length > MOST_BODY_BYTES:
                    raise _too_large()
                chunks.append(chunk)
    except TimeoutError:
        found = f"{length} bytes in {SECONDS_FOR_BODY:g} seconds"
        raise _unusable(408, "body", "the whole of it", found) from None
    return b"".join(chunks)


def _too_large() -> Refusal:
    return _unusable(413, "body", f"at most {MOST_BODY_BYTES >> 20} MB", "more")


def _unusable(status: int, subject: str, expected: str, found: str) -> Refusal:
    return Refusal(
        status, subject, expected=expected, found=found, next_step="see /openapi.json; send smaller batches"
    )


def _answer(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps(content, default=str, option=orjson.OPT_UTC_Z)
    return Response(body, status, headers, "application/json")


def _end_with_parent() -> None:
    """A worker whose supervisor was killed ends, and frees the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, signal.raise_signal, signal.SIGTERM)
