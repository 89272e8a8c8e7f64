"""The mirror of the registry in MLflow: what it holds, that it follows, and that nothing depends on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.model import promotions, versions
from headgate.model.mirror import follow, store
from headgate.model.mirror.sync import Report, sync
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database, made
from tests.servers import wait_until
from tests.support import Database, Databases

pytestmark = pytest.mark.costly

MODEL = "will_ship"
FIGURES = {
    "auc": {"value": 0.9, "low": 0.85, "high": 0.94, "rows": 415},
    "slices": {"C++ / bots": {"auc": 0.7}},
}
GATE = {"gate": "beats_base_rate", "verdict": "passed", "figure": 0.9, "threshold": 0.5, "rows": 415}
FAILED = {"gate": "beats_base_rate", "verdict": "failed", "reason": "AUC 0.51 [0.48, 0.54]"}
#: Past the trigger that forbids it.
FORGING = "set session_replication_role = replica; update ops.model_versions set model_sha256 = 'x'"


@pytest.fixture
def mirrored(databases: Databases) -> Iterator[Database]:
    """A database whose mirror goes with it."""
    with databases.new() as found:
        yield found
        store.forget(found.settings)


async def train(connection: Connection) -> None:
    """Three versions: registered and deployed, failed, passed."""
    told: dict[str, Any] = {"figures": FIGURES, "parameters": {"leaves": 15, "seed": 7}, "seconds": 2.0}
    await versions.add(connection, made(content=b"1"), passed=True, gates=[GATE], **told)
    await versions.add(connection, made(content=b"2"), passed=False, gates=[FAILED])
    await versions.add(connection, made(content=b"3"), passed=True, gates=[GATE])
    await versions.register(connection, MODEL, 1)
    await deploy(connection, champion=1)


async def deploy(connection: Connection, champion: int | None, challenger: int | None = None) -> None:
    """A row in the log of promotions."""
    state: dict[str, Any] = {"champion": champion, "challenger": challenger, "canary_share": 0.0}
    await promotions.append(
        connection, MODEL, "promote", champion or challenger or 1, **state, reason="trial"
    )


@pytest.mark.parametrize("server", ["embedded", "system"], indirect=True)
def test_versions_figures_gates_and_aliases_are_mirrored_once(mirrored: Database) -> None:
    """Versions keep their numbers, one that failed is a run only; a second sync writes nothing."""

    async def work(connection: Connection) -> None:
        await train(connection)
        first = await sync(connection, mirrored.settings)
        assert first == Report(models=1, runs=3, versions=2, tags=0, aliases=1)
        client = store.client(mirrored.settings)
        champion = client.get_model_version_by_alias(MODEL, "champion")
        assert champion.version == 1
        assert champion.tags["gate.beats_base_rate"] == "passed: figure 0.9, threshold 0.5, 415 rows"
        run = client.get_run(champion.run_id)
        assert run.data.params == {"leaves": "15", "seed": "7"}
        assert run.data.metrics["auc"] == 0.9
        assert run.data.metrics["auc.low"] == 0.85
        assert run.data.metrics["slices.C_ _ bots.auc"] == 0.7
        assert run.data.tags["mlflow.note.content"] == "# Card\n"
        assert run.info.end_time - run.info.start_time == 2000
        files = Path(run.info.artifact_uri.removeprefix("file://")) / "model"
        assert (files / "model.lgb").read_bytes() == b"1"
        [failed] = client.search_runs([run.info.experiment_id], "tags.`headgate.version` = '2'")
        assert failed.info.status == "FAILED"
        assert failed.data.tags["gate.beats_base_rate"] == "failed: AUC 0.51 [0.48, 0.54]"
        assert {int(found.version) for found in client.search_model_versions(f"name = '{MODEL}'")} == {1, 3}
        assert await sync(connection, mirrored.settings) == Report(models=1)

    in_database(mirrored, work)


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_the_mirror_follows_and_mends_itself(mirrored: Database) -> None:
    """Registration and promotions move tags and aliases; what a killed sync or a user left is put right."""

    async def work(connection: Connection) -> None:
        await train(connection)
        await sync(connection, mirrored.settings)
        client = store.client(mirrored.settings)
        await versions.register(connection, MODEL, 3)
        await deploy(connection, champion=1, challenger=3)
        # Of a run and of a version: when and by whom it was registered.
        assert await sync(connection, mirrored.settings) == Report(models=1, tags=4, aliases=1)
        await deploy(connection, champion=3)
        assert await sync(connection, mirrored.settings) == Report(models=1, aliases=2)
        assert client.get_registered_model(MODEL).aliases == {"champion": 3}
        champion = client.get_model_version_by_alias(MODEL, "champion")
        experiment = client.get_run(champion.run_id).info.experiment_id
        half = client.create_run(experiment, tags={"headgate.version": "4"}).info.run_id
        client.delete_run(champion.run_id)
        await versions.add(connection, made(content=b"4"), passed=True)
        assert await sync(connection, mirrored.settings) == Report(models=1, runs=1, versions=1)
        assert client.get_run(half).info.lifecycle_stage == "deleted"
        assert client.get_run(champion.run_id).info.lifecycle_stage == "active"

    in_database(mirrored, work)


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_a_mirror_of_another_history_is_refused_and_built_anew(mirrored: Database) -> None:
    """A version that was deleted there, or a database that was made anew: the message names the way out."""

    async def work(connection: Connection) -> None:
        await train(connection)
        await sync(connection, mirrored.settings)
        store.client(mirrored.settings).delete_model_version(MODEL, "3")
        with pytest.raises(HeadgateError, match=r"no version 3: it was deleted there.*sync --rebuild"):
            await sync(connection, mirrored.settings)
        rebuilt = mirrored.headgate("mlflow", "sync", "--rebuild", "--json").stdout
        assert json.loads(rebuilt) == Report(models=1, runs=3, versions=2, aliases=1).as_dict()
        await connection.execute(f"{FORGING} where version = 1")
        with pytest.raises(HeadgateError, match="a run of version 1 that Headgate does not hold"):
            await sync(connection, mirrored.settings)

    in_database(mirrored, work)


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_a_lightgbm_version_loads_by_its_alias(mirrored: Database) -> None:
    """MLflow's own clients load the champion; it predicts what the booster does."""
    import lightgbm
    import mlflow
    import numpy

    draws = numpy.random.default_rng(7)
    rows = draws.normal(size=(200, 2))
    data = lightgbm.Dataset(rows, (rows[:, 0] > 0).astype(float))
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5)
    package = made(content=booster.model_to_string().encode())

    async def fill() -> None:
        connection = await postgres.connect(mirrored.settings)
        await versions.add(connection, replace(package), passed=True)
        await deploy(connection, champion=1)
        await sync(connection, mirrored.settings)
        await connection.close()

    asyncio.run(fill())
    mlflow.set_tracking_uri(store.url(mirrored.settings))
    loaded = mlflow.lightgbm.load_model(f"models:/{MODEL}@champion")
    assert (loaded.predict(rows) == booster.predict(rows)).all()


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_a_step_has_the_mirror_follow_and_never_fails_with_it(mirrored: Database) -> None:
    """Where nothing was ever mirrored nothing starts; a mirror that is broken is told of in the log only."""

    async def work(connection: Connection) -> None:
        await versions.add(connection, made(content=b"1"), passed=True)

    in_database(mirrored, work)
    mirrored.headgate("model", "register", MODEL, "1")
    assert not store.exists(mirrored.settings)
    mirrored.headgate("mlflow", "sync")
    in_database(mirrored, lambda connection: deploy(connection, champion=1))
    mirrored.headgate("model", "register", MODEL, "1")

    def champion() -> object:
        return store.client(mirrored.settings).get_registered_model(MODEL).aliases.get("champion")

    wait_until(lambda: champion() == 1, "the alias")
    mirrored.query(FORGING)
    mirrored.headgate("model", "register", MODEL, "1")
    log = follow.log_file(mirrored.settings)
    wait_until(lambda: "that Headgate does not hold" in log.read_text(), "the log")
