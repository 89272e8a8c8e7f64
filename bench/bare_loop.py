"""The least that answers a prediction by key: FastAPI on uvicorn, one prepared read, LightGBM's own C call.

No validation, no log, no metrics, no release, no canary. `python -m bench.bare_loop FOLDER PORT` serves the
model of a package's folder; HEADGATE_DSN names the database.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from headgate.model import package
from headgate.model.flavours.lightgbm_library import Booster, SingleRow
from headgate.model.package import Package
from headgate.store.views import online, quoted

CONNECTIONS = 4


async def _nothing(_: object) -> None:
    """What a connection is reset by: nothing changes its state here."""


def app(dsn: str, found: Package) -> FastAPI:
    """The application."""
    one = SingleRow(Booster(found.files["model.lgb"]))
    statement, keys = _statement(found)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(
            dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=_nothing, server_settings={"jit": "off"}
        ) as pool:
            app.state.pool = pool
            yield

    made = FastAPI(openapi_url=None, lifespan=lifespan)

    async def predict(request: Request) -> Response:
        key = orjson.loads(await request.body())["key"]
        row = await made.state.pool.fetchrow(statement, *(key[name] for name in keys))
        one.values[:] = [float("nan") if value is None else float(value) for value in row]
        one.predict()
        return Response(orjson.dumps({"score": one.scores[0]}), media_type="application/json")

    made.add_route("/predict", predict, methods=["POST"])
    return made


def _statement(found: Package) -> tuple[str, list[str]]:
    """The model's inputs of one entity, and the key's columns in the order of the parameters."""
    keys = [name for name, _ in found.signature.keys]
    columns = [
        f"{given.view}.{quoted(given.name.removeprefix(f'{given.view}__'))}"
        for given in found.signature.fetched
    ]
    views = [f"{online(view)} as {view}" for view in found.views]
    matches = [
        f"{view}.{quoted(name)} = ${keys.index(name) + 1}"
        for view, names in found.options["keys_of_views"].items()
        for name in names
    ]
    return (
        f"select {', '.join(columns)} from {' cross join '.join(views)} where {' and '.join(matches)}",
        keys,
    )


if __name__ == "__main__":
    uvicorn.run(
        app(os.environ["HEADGATE_DSN"], package.read(Path(sys.argv[1]))),
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
