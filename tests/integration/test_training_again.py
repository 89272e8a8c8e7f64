"""A training can be done again: after a kill, many releases and a compaction, in a fresh environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate import environments, postgres
from headgate.dataset.register import Dataset
from headgate.dataset.verify import verify
from headgate.errors import HeadgateError
from headgate.model.deployment import state, steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.training.run import STEPS, train
from headgate.settings import load_settings
from tests.model_project import Project, run
from tests.small_store import at
from tests.support import ROOT, Databases

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]

#: Forks a training for each event at which it is killed, at last within the transaction that keeps it.
KILLED = """
import asyncio, os, pathlib, signal, sys
from dataclasses import replace
import lightgbm, sklearn.linear_model, skops.io
from headgate.model import versions
from headgate.model.training.run import STEPS, train
from headgate.settings import load_settings
settings = replace(load_settings(), project_dir=pathlib.Path(sys.argv[1]))

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

for event in (*STEPS[:-1], "tuning: candidate 1", "transaction"):
    child = os.fork()
    if not child:
        if event == "transaction":
            versions._add_references = kill
        asyncio.run(train(settings, "shipping", int(sys.argv[2]), lambda done: done == event and kill()))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(event, os.WTERMSIG(status) if os.WIFSIGNALED(status) else "lived", flush=True)
"""
ONCE = """
import asyncio, pathlib, sys
from dataclasses import replace
import lightgbm
from headgate.model.training.run import train
from headgate.settings import load_settings
settings = replace(load_settings(), project_dir=pathlib.Path(sys.argv[1]))
print(asyncio.run(train(settings, "shipping", int(sys.argv[2]))).model_sha256, lightgbm.__file__)
"""


@pytest.fixture(scope="module")
def project(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The shop, with a declaration."""
    with databases.new() as database:
        found = Project(database, tmp_path_factory.mktemp("again"))
        found.fill()
        found.declare()
        yield found


@pytest.fixture(scope="module")
def dataset(project: Project) -> Dataset:
    """A dataset of the shop's requests."""
    return project.dataset()


def process(project: Project, dataset: Dataset, code: str, python: str = sys.executable) -> str:
    """What a Python process with the code prints."""
    environment = {**os.environ, "HEADGATE_DSN": postgres.dsn(project.settings)}
    done = subprocess.run(
        [python, "-c", code, str(project.folder), str(dataset.dataset_id)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_killed_training_leaves_nothing_and_can_be_run_again(project: Project, dataset: Dataset) -> None:
    """Killed (SIGKILL) at each step, and within the transaction that keeps the version."""
    before = project.database.value("select count(*) from ops.model_versions")
    said = process(project, dataset, KILLED)
    assert said.splitlines() == [
        f"{event} 9" for event in (*STEPS[:-1], "tuning: candidate 1", "transaction")
    ]
    for table in ("model_versions", "model_files", "model_references"):
        left = project.database.value(
            f"select count(*) from ops.{table} where model = 'shipping' and version > %s", before
        )
        assert left == 0, table
    made = project.train(dataset)
    assert (made.version, made.passed) == (before + 1, True)


def test_the_log_of_promotions_leads_back_to_the_same_bytes(project: Project, dataset: Dataset) -> None:
    """After ten more releases and a compaction: what served then is trained again from its own dataset."""
    made = project.train(dataset)

    async def deploy() -> None:
        connection = await postgres.connect(project.settings)
        try:
            await steps.register(connection, "shipping", made.version, "a test")
            await steps.deploy(connection, "shipping", made.version, 0.0, "a test", {}, asked=NO_APPROVAL)
        finally:
            await connection.close()

    run(deploy)
    then = datetime.now(UTC)
    for number in range(10):
        project.database.query(
            "update features.shop_activity set orders_count_7d = orders_count_7d + 1 where shop_id = %s",
            number,
        )
        project.database.query(
            "insert into features.shop_activity (shop_id, orders_count_7d, as_of) values (%s, 99, %s)",
            number,
            at(50 + number),
        )
        assert project.store.publish() == 2 + number
    assert len(project.store.compact(2).releases) >= 8

    async def served() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            return await state.at(connection, "shipping", then)
        finally:
            await connection.close()

    champion = run(served).champion
    assert (champion.version, champion.dataset_id, champion.release_id) == (
        made.version,
        dataset.dataset_id,
        1,
    )
    assert run(lambda: verify(project.settings, champion.dataset_id)).same
    again = run(lambda: train(project.settings, "shipping", champion.dataset_id))
    assert again.version > made.version
    assert again.model_sha256 == champion.model_sha256


@pytest.mark.slow
def test_a_fresh_environment_of_the_lock_gives_the_same_bytes(
    project: Project, dataset: Dataset, tmp_path: Path
) -> None:
    """Everything that the lock names, installed anew beside this one."""
    settings = replace(load_settings(), home=tmp_path)
    try:
        uv = environments.uv(settings)
    except HeadgateError as error:
        pytest.skip(str(error))
    folder = tmp_path / "environment"
    done = subprocess.run(
        [uv, "sync", "--frozen", "--no-dev", "--extra", "models", "--python", sys.executable, "--quiet"],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    digest, library = process(project, dataset, ONCE, str(folder / "bin" / "python")).split()
    assert Path(library).is_relative_to(folder)
    made = asyncio.run(train(replace(project.settings), "shipping", dataset.dataset_id))
    assert digest == made.model_sha256
