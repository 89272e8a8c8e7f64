"""What `bench.serving` asks: a feature store, models on 61 of its features, and servers of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bench.environments import python_with
from bench.servers import Database
from bench.store_data import KEYS, generated_views
from bench.workbench import Workbench
from headgate.model import versions
from headgate.model.deployment import steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.mirror import entries, store
from headgate.model.package import BoundView, Package
from headgate.model.signature import NUMBERS, Input, Signature
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.settings import find_project_dir
from tests.servers import free_port

T = TypeVar("T")
VIEWS = ("repository_activity", "actor_activity")
MLFLOW = "3.17.2"
#: LightGBM as the project locks it; what lets uvicorn be as quick as in `headgate serve`.
REQUIREMENTS = (f"mlflow=={MLFLOW}", "lightgbm==4.7.0", "uvloop", "httptools")
SECONDS_TO_START = 300


def package(name: str, trees: int, seed: int = 1) -> Package:
    """A LightGBM model that takes all numbers of two views, some of them missing."""
    import lightgbm
    import numpy as np

    inputs = _inputs()
    drawn = np.random.default_rng(seed)
    matrix = drawn.integers(0, 1000, (5_000, len(inputs))).astype(float)
    matrix[drawn.random(matrix.shape) < 0.1] = np.nan
    labels = np.nan_to_num(matrix[:, :20]).sum(axis=1) + drawn.normal(0, 500, len(matrix)) > 9_000
    parameters = {"objective": "binary", "num_leaves": 31, "num_threads": 1, "verbosity": -1, "seed": seed}
    data = lightgbm.Dataset(matrix, labels.astype(int), feature_name=[given.name for given in inputs])
    booster = lightgbm.train(parameters, data, num_boost_round=trees)
    keys = {key: "bigint" for view in VIEWS for key in KEYS[view]}
    return Package(
        name=name,
        task="binary",
        flavour="lightgbm",
        signature=Signature(
            inputs=inputs, keys=tuple(keys.items()), output=("is_merged", "double precision")
        ),
        views={view: BoundView(version=1, definition=None) for view in VIEWS},
        files={"model.lgb": booster.model_to_string().encode()},
        options={"unknown_entity": "missing", "keys_of_views": {view: list(KEYS[view]) for view in VIEWS}},
    )


def _inputs() -> tuple[Input, ...]:
    return tuple(
        Input(name=f"{view.name}__{column}", type=kind, nullable=True, view=view.name)
        for view in generated_views()
        if view.name in VIEWS
        for column, kind in view.columns.items()
        if kind in NUMBERS or kind == "boolean"
    )


def deploy(database: Database, *packages: Package) -> list[ModelVersion]:
    """Registers and deploys packages of one model: the champion, and a challenger in its shadow."""

    async def work(connection: Connection) -> list[ModelVersion]:
        made = []
        for one in packages:
            version = await versions.add(connection, one, passed=True)
            await steps.register(connection, one.name, version.version, "bench")
            await steps.deploy(connection, one.name, version.version, 0.0, "bench", {}, asked=NO_APPROVAL)
            made.append(version)
        return made

    return with_connection(database.settings, work)


@contextlib.contextmanager
def headgate(database: Database, model: str) -> Iterator[int]:
    """`headgate serve` of a model; gives its port. Its log waits in a folder of its own."""
    env = {**database.env, "HEADGATE_HOME": str(database.folder / f"home-{model}")}
    program = str(Path(sys.executable).with_name("headgate"))
    log = database.folder / f"{model}.log"
    with _running(lambda port: [program, "serve", model, "--port", str(port)], env, "/readyz", log) as port:
        yield port


@contextlib.contextmanager
def bare(database: Database, one: Package) -> Iterator[int]:
    """The bare loop; gives its port."""
    folder = database.folder / "bare"
    one.write(folder)
    command = [sys.executable, "-m", "bench.bare_loop", str(folder)]
    log = database.folder / "bare.log"
    with _running(lambda port: [*command, str(port)], database.env, "/nowhere", log) as port:
        yield port


@contextlib.contextmanager
def mlflow(bench: Workbench, database: Database, made: ModelVersion, one: Package) -> Iterator[int | None]:
    """`mlflow models serve` of the same file; None where MLflow is not installed, and in the small size.

    It takes half a minute to start.
    """
    python = python_with(bench, "mlflow", REQUIREMENTS) if bench.full else None
    if python is None:
        yield None
        return
    folder = database.folder / "mlflow"
    one.write(folder)
    described = entries.mlmodel(replace(made, manifest=one.manifest), MLFLOW)
    assert described is not None
    (folder / "MLmodel").write_text(described)
    env = {**os.environ, **store.QUIET, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local"]
    log = database.folder / "mlflow.log"
    with _running(lambda port: [*command, "-w", "1", "-p", str(port)], env, "/ping", log) as port:
        yield port


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]], env: dict[str, str], path: str, log: Path) -> Iterator[int]:
    port = free_port()
    with log.open("ab") as out:
        running = subprocess.Popen(command(port), env=env, cwd=find_project_dir(), stdout=out, stderr=out)
    try:
        until = time.monotonic() + SECONDS_TO_START
        while not _answers(port, path):
            if time.monotonic() > until or running.poll() is not None:
                raise RuntimeError(f"{running.args} did not start: {log.read_text()[-4000:]}")
            time.sleep(0.2)
        yield port
    finally:
        running.terminate()
        running.wait(60)


def _answers(port: int, path: str) -> bool:
    """Whether anything answers, be it that there is no such path."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False


def bodies(entities: int, count: int, *, explain: bool = False) -> list[dict[str, Any]]:
    """Requests by key, of entities in turn."""
    made = []
    for number in range(count):
        entity = 1 + number * 7919 % entities
        key = {"repository_id": entity * 13, "actor_id": entity * 7919 % 1000003}
        made.append({"key": key, **({"explain": True} if explain else {})})
    return made


def frames(one: Package, count: int) -> list[dict[str, Any]]:
    """Requests with all features in MLflow's form of a data frame."""
    names = [given.name for given in one.signature.inputs]
    return [
        {
            "dataframe_split": {
                "columns": names,
                "data": [[float((number * 31 + place) % 997) for place in range(len(names))]],
            }
        }
        for number in range(count)
    ]


def written(path: Path, requests: list[dict[str, Any]]) -> Path:
    """A file with a request a line."""
    path.write_text("".join(f"{json.dumps(request)}\n" for request in requests))
    return path
