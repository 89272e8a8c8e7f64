"""The server as an ASGI application.

Data flow: POST /predict -> key, body, signature -> features -> both versions -> log -> answer. Refusals are
JSON with object, expectation, found and next step. Service logs tell of swaps and refusals, not of contents.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from headgate.errors import HeadgateError, UsageError
from headgate.serving import bodies, metrics, openapi
from headgate.serving.records import ANSWERED, FAILED, REFUSED, Made, Read, told
from headgate.serving.refusals import Refusal
from headgate.serving.requests import Asked
from headgate.serving.worker import Options, Worker
from headgate.settings import load_settings

#: Requests that are being answered at once in one process; those whose body still comes do not count.
MOST_AT_ONCE = 256
#: What workers read of how the command was called.
OPTIONS = "HEADGATE_SERVE"
Handler = Callable[[Request], Awaitable[Response]]


def create_app() -> FastAPI:
    """The application, with settings and options from the environment; uvicorn's workers call this."""
    worker = Worker(load_settings(), Options(**orjson.loads(os.environ[OPTIONS])))
    routes = Routes(worker)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with worker.running():
            yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    posts = {"/predict": routes.predict, "/features": routes.features}
    gets = {
        "/model": routes.model,
        "/openapi.json": routes.openapi,
        "/metrics": routes.metrics,
        "/healthz": routes.healthz,
        "/readyz": routes.readyz,
    }
    for method, handlers in (("POST", posts), ("GET", gets)):
        for path, handler in handlers.items():
            app.add_route(path, routes.answered(handler), methods=[method])
    app.add_exception_handler(HTTPException, routes.refuse_route)
    return app


class Routes:
    """What each path answers."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._name = worker.model
        self._access = worker.access
        self._counters = metrics.Counters(worker.model)
        self._at_once = 0

    def answered(self, handler: Handler) -> Handler:
        """A handler whose refusals become answers."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                return bodies.refused(self._name, refusal)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                return bodies.refused(self._name, self._unforeseen(error))

        return answer

    def _unforeseen(self, error: Exception) -> Refusal:
        """Kind and place go to the service's log, without the message: it may quote what was asked."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        self._worker.log.error(
            "a request failed", kind=type(error).__name__, at=f"{Path(frame.filename).name}:{frame.lineno}"
        )
        return Refusal(
            500,
            "the server",
            expected="no error that it does not know",
            found=type(error).__name__,
            next_step="ask again; who runs the server finds the place in its log",
        )

    async def predict(self, request: Request) -> Response:
        """Scores of one row or several."""
        begun = time.perf_counter()
        self._access.require(request.headers, "predict")
        body = await bodies.read(request)
        self._worker.require_deployed()
        deployment = self._worker.deployment
        asked = deployment.champion.checker.request(body)
        if asked.explain:
            self._access.require_scope(request.headers, "explain")
        self._enter()
        try:
            rows, read = await self._worker.answering.answer(asked, deployment)
        finally:
            self._at_once -= 1
        self._count(asked, rows, read, time.perf_counter() - begun)
        return self._told(asked, rows, read)

    async def features(self, request: Request) -> Response:
        """The newest features of an entity, as the model would be given them."""
        self._access.require(request.headers, "read")
        self._worker.require_deployed()
        champion = self._worker.deployment.champion
        asked = champion.checker.key(await bodies.read(request))
        views = [*dict.fromkeys(given.view for given in champion.package.signature.fetched if given.view)]
        try:
            answer = await self._worker.store.online(views, asked)
        except UsageError as error:
            raise Refusal.of(422, error) from None
        except HeadgateError as error:
            raise Refusal.of(503, error) from None
        found = answer[0].features
        return bodies.answer(
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
        deployment, follower = self._worker.deployment, self._worker.follower
        package, challenger = deployment.champion.package, deployment.challenger
        refusal, left_out = follower.refusal, follower.challenger_refusal
        return bodies.answer(
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
                "refused_challenger": left_out and left_out.as_dict(),
            },
        )

    async def openapi(self, request: Request) -> Response:
        """The OpenAPI description."""
        self._access.require(request.headers, "read")
        deployment = self._worker.deployment
        signature = deployment.champion.package.signature
        return bodies.answer(200, openapi.described(self._name, signature, explains=deployment.explains))

    async def metrics(self, request: Request) -> Response:
        """Figures for Prometheus."""
        self._access.require(request.headers, "metrics")
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    async def healthz(self, _: Request) -> Response:
        """The process lives."""
        return bodies.answer(200, {"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether requests by key can be answered; why not, `/model` and the service's log say."""
        is_ready = self._worker.not_ready is None
        return bodies.answer(200 if is_ready else 503, {"status": "ok" if is_ready else "not ready"})

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
        return bodies.answer(error.status_code, body, dict(error.headers or {}))

    def _told(self, asked: Asked, rows: list[Made], read: Read) -> Response:
        given = [told(one, self._name, read) for one in rows]
        if asked.is_batch:
            return bodies.answer(200, {"predictions": given})
        (one,) = rows
        if one.status == ANSWERED:
            return bodies.answer(200, given[0])
        return bodies.answer(422 if one.status == REFUSED else 500, {**given[0], "error": self._error(one)})

    def _error(self, one: Made) -> dict[str, Any]:
        is_refused = one.status == REFUSED
        return {
            "object": f"model {self._name}",
            "expected": "an entity with features" if is_refused else "a score",
            "found": one.error,
            "next_step": "send the features, or another key"
            if is_refused
            else "look for this prediction_id in the prediction log, source predictions",
        }

    def _count(self, asked: Asked, rows: list[Made], read: Read, seconds: float) -> None:
        for one in rows:
            self._counters.count(one.version, one.role, one.status)
            if one.status == FAILED:
                self._worker.tell_failure(one.version, one.error)
        self._counters.observe(seconds, read.staleness_seconds, explained=asked.explain)

    def _enter(self) -> None:
        """Counts a request that is being answered."""
        if self._at_once >= MOST_AT_ONCE:
            raise Refusal(
                503,
                "server",
                expected=f"at most {MOST_AT_ONCE} requests at once",
                found="more",
                next_step="ask again in a second",
            )
        self._at_once += 1
