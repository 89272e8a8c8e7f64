"""Training a declared model on made-up data of a known mechanism: figures, gates, determinism."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgate import postgres
from headgate.dataset.register import Dataset
from headgate.dataset.verify import verify
from headgate.errors import HeadgateError, UsageError
from headgate.extensions import project_variables
from headgate.model import promotions, versions
from headgate.model.contracts import signature
from headgate.model.declaration import declaration
from headgate.model.evaluation.figures import Ranked
from headgate.model.mirror import follow
from headgate.postgres.actor import account
from headgate.scaffold.model import new_model
from headgate.scaffold.model_pipelines import missing_pipelines
from tests.model_project import MODEL, SPINE, Project, failed, gate, run, shop
from tests.support import ROOT, Databases

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)


@pytest.fixture(scope="module")
def project(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The shop, and dataset 1 of it."""
    with databases.new() as database:
        found = Project(database, tmp_path_factory.mktemp("shop"))
        found.fill()
        yield found


@pytest.fixture(scope="module")
def dataset(project: Project) -> Dataset:
    """A dataset of the shop's requests."""
    return project.dataset()


def test_a_model_comes_near_the_best_possible_score_and_passes(project: Project, dataset: Dataset) -> None:
    """Figures lie near those of the true chances; everything is kept, and can be registered."""
    made = project.train(dataset)
    tested = made.figures["rows"]["test"]
    truth = Ranked(
        np.array(project.shop.columns["is_shipped"][-tested:]).astype(float), project.shop.chance[-tested:]
    ).of()
    assert made.passed, [found for found in made.gates if found["verdict"] == "failed"]
    assert made.figures["auc"]["value"] > truth["auc"] - 0.03
    assert made.figures["brier"]["value"] < truth["brier"] + 0.02
    assert made.figures["auc"]["low"] < made.figures["auc"]["value"] < made.figures["auc"]["high"]
    assert made.figures["baselines"]["base_rate"]["auc"]["value"] == 0.5
    assert made.environment["libraries"]["lightgbm"] == "4.7.0"
    assert made.parameters["gap_seconds"] == 3 * 3600

    async def kept() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            package = await versions.load(connection, "shipping", made.version)
            histograms = await versions.references(connection, "shipping", made.version)
            registered = await versions.register(connection, "shipping", made.version)
            return package, histograms, registered
        finally:
            await connection.close()

    package, histograms, registered = run(kept)
    assert registered.registered_at is not None
    assert [given.name for given in package.signature.inputs] == MODEL["inputs"]
    assert [(given.type, given.nullable) for given in package.signature.inputs][1] == ("bigint", True)
    assert package.options["categories"] == {"colour": ["blue", "green", "red"]}
    assert {found.feature for found in histograms} == {*(g.name for g in package.signature.inputs), "score"}
    size = next(found for found in histograms if found.feature == "size")
    assert sum(size.counts) + size.missing == made.figures["rows"]["train"]
    page = package.files["card.html"].decode()
    assert page.count("<svg") == 4
    assert "Model shipping" in package.files["card.md"].decode()
    assert made.model_sha256 in page


def test_a_destroyed_signal_scores_at_chance_and_is_refused(project: Project) -> None:
    """Without a mechanism the AUC is 0.5; the version is kept with reasons and cannot be registered."""
    project.spine(shop(2, signal=0.0).columns)
    made = project.train(project.dataset())
    project.spine(project.shop.columns)
    assert made.figures["auc"]["low"] < 0.5 < made.figures["auc"]["high"]
    assert {"beats_chance", "beats_base_rate", "destroyed_signal"} <= failed(made)

    async def register() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            await versions.register(connection, "shipping", made.version)
        finally:
            await connection.close()

    with pytest.raises(UsageError, match=r"beats_chance: AUC 0\.\d+"):
        run(register)


@pytest.mark.costly
@pytest.mark.parametrize("flavour", ["lightgbm", "sklearn"])
def test_two_trainings_give_the_same_bytes(project: Project, dataset: Dataset, flavour: str) -> None:
    """Whatever the environment says of threads, and in another process."""
    made = project.train(dataset, flavour=flavour)
    hashes = set()
    for threads in ("2",):
        code = (
            "import asyncio, pathlib, sys\n"
            "from dataclasses import replace\n"
            "from headgate.model.training.run import train\n"
            "from headgate.settings import load_settings\n"
            "settings = replace(load_settings(), project_dir=pathlib.Path(sys.argv[1]))\n"
            "print(asyncio.run(train(settings, 'shipping', int(sys.argv[2]))).model_sha256)\n"
        )
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "HEADGATE_DSN": postgres.dsn(project.settings),
        }
        done = subprocess.run(
            [sys.executable, "-c", code, str(project.folder), str(dataset.dataset_id)],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout.strip())
    assert hashes == {made.model_sha256}


def test_the_simple_model_is_put_forward_where_it_is_better(project: Project, dataset: Dataset) -> None:
    """A threshold that LightGBM cannot meet makes the logistic regression the model, with its own inputs."""
    made = project.train(dataset, gates={"not_worse_than_simple": -0.2})
    assert made.flavour == "sklearn"
    assert "LightGBM's AUC less its own" in made.parameters["exchanged"]
    assert len(made.manifest["signature"]["inputs"]) == 3
    assert gate(made, "not_worse_than_simple")["verdict"] == "warned"


def test_a_leaked_feature_is_refused(project: Project) -> None:
    """An input that alone tells the label fails a gate that names it."""
    columns = dict(project.shop.columns)
    columns["noise"] = [
        value + (9 if label else 0)
        for value, label in zip(columns["noise"], columns["is_shipped"], strict=True)
    ]
    project.spine(columns)
    made = project.train(project.dataset(), invariant=[])
    project.spine(project.shop.columns)
    assert "leaked_feature" in failed(made)
    assert gate(made, "leaked_feature")["reason"].startswith("noise alone")


def test_one_biased_slice_is_refused(project: Project) -> None:
    """Labels of one colour turn round in the tested part: all rows look well, the slice does not."""
    columns = dict(project.shop.columns)
    late = len(columns["noise"]) * 3 // 4
    columns["is_shipped"] = [
        (place % 10 == 0) if colour == "red" and place >= late else label
        for place, (colour, label) in enumerate(zip(columns["colour"], columns["is_shipped"], strict=True))
    ]
    project.spine(columns)
    made = project.train(project.dataset())
    project.spine(project.shop.columns)
    assert "slice_calibration" in failed(made)
    assert "colour red" in gate(made, "slice_calibration")["reason"]
    assert "beats_base_rate" not in failed(made)


def test_behaviour_is_judged(project: Project, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that matters is no invariant one, a direction can be wrong; the mirror is told of it."""
    told: list[Any] = []
    monkeypatch.setattr(follow, "start", told.append)
    made = project.train(dataset, invariant=["size"], directions={"size": "decreasing"})
    assert {"invariance", "direction"} <= failed(made)
    assert told == [project.settings]


def test_features_younger_than_the_declared_lag_are_refused(project: Project, dataset: Dataset) -> None:
    """A dataset made with the lag passes, one of the very instant does not."""
    assert "servable_features" in failed(project.train(dataset, feature_lag="2h"))
    lagged = project.dataset("2h")
    assert (lagged.lag_seconds, lagged.lag_kind) == (7200, "declared")
    made = project.train(lagged, feature_lag="2h")
    assert "servable_features" not in failed(made)
    assert gate(made, "servable_features")["verdict"] == "passed"


@pytest.mark.costly
def test_a_challenger_that_is_worse_than_the_champion_is_refused(project: Project, dataset: Dataset) -> None:
    """Both score the same rows, also where the challenger takes fewer inputs; an equal one passes."""
    champion = project.train(dataset)

    async def promote() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            state: dict[str, Any] = {"challenger": None, "canary_share": 0.0, "reason": "a test"}
            version = champion.version
            await promotions.append(connection, "shipping", "promote", version, champion=version, **state)
        finally:
            await connection.close()

    run(promote)
    assert gate(project.train(dataset), "not_worse_than_champion")["figure"] == 0
    poor = {"inputs": ["age", "noise"], "baseline": ["age"], "directions": {}}
    made = project.train(dataset, **poor)
    assert "not_worse_than_champion" in failed(made)
    assert made.figures["champion"]["auc"]["value"] > made.figures["auc"]["value"]
    assert made.figures["champion"]["version"] == champion.version
    assert f"version {champion.version}: " in gate(made, "not_worse_than_champion")["reason"]


def test_a_declaration_is_written_from_a_dataset(project: Project) -> None:
    """Every number and text is an input, keys are not; the lag is that of the dataset."""
    lagged = project.dataset("30m")

    async def write() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            return await new_model(connection, project.folder, "reorder", lagged.dataset_id)
        finally:
            await connection.close()

    project.declare()
    project.scaffold()
    with pytest.raises(UsageError, match=r"none that training\.labels declares"):
        run(write)
    spine = {"name": "labels", "config": {"meta": {"spine": {"label": "is_shipped", "horizon": "3h"}}}}
    described = project.folder / "models/training/labels.yml"
    described.parent.mkdir()
    described.write_text(json.dumps({"models": [spine]}))
    run(write).write()
    described.unlink()
    found = declaration(project.folder, "reorder")
    gone = project.removal("reorder")
    assert "label_spines: [labels]" in (project.folder / "dbt_project.yml").read_text()
    assert project_variables(project.folder)["serves_models"] is True, "what it answers is monitored"
    with pytest.raises(UsageError, match="add --pipelines in place of --dataset"):
        run(write)
    pipelines = project.folder / "mage_pipelines/pipelines"
    shutil.rmtree(pipelines / "score_reorder")
    (pipelines / "train_reorder").rename(pipelines / "weekly")
    added = missing_pipelines(project.folder, "reorder", None, overwrite=False)
    assert added.changed() == [
        f"mage_pipelines/pipelines/score_reorder/{file}.yaml" for file in ("metadata", "triggers")
    ], "what is there by another name is not missing"
    with pytest.raises(UsageError, match="expected no pipeline that trains reorder"):
        missing_pipelines(project.folder, "reorder", "30 3 * * 1", overwrite=False)
    (project.folder / "models/exposures/reorder.yml").unlink()
    assert gone.files == (
        "models/exposures/reorder.yml",
        *(f"mage_pipelines/pipelines/{verb}_reorder" for verb in ("deploy", "monitor", "score", "train")),
    )
    # The shop's other model is declared with the same spine.
    assert gone.stays == (
        "labels among label_spines in dbt_project.yml: shipping is declared with it",
        "serves_models in dbt_project.yml: shipping is declared",
    )
    assert found.inputs == ("size", "age", "noise", "colour", "is_big", "shop_activity__orders_count_7d")
    assert found.baseline == ("size", "age", "noise", "is_big", "shop_activity__orders_count_7d")
    assert found.owner == account()
    assert (found.group, found.horizon, found.test, found.feature_lag) == (
        ("shop_id",),
        timedelta(hours=3),
        timedelta(hours=9),
        timedelta(minutes=30),
    )
    assert signature(project.folder, found, ()).requested[0].type == "double precision"


def test_what_does_not_fit_is_named(project: Project, dataset: Dataset) -> None:
    """Another version of a view, a missing input, a file that was changed, a forbidden column."""
    with pytest.raises(UsageError, match="version of view shop_activity: expected 2"):
        project.train(dataset, views={"shop_activity": 2})
    with pytest.raises(UsageError, match="input weight of model shipping"):
        project.train(dataset, inputs=["size", "weight"], baseline=["size"], invariant=[], directions={})
    types = {**SPINE, "updated_at": "timestamptz"}
    with pytest.raises(UsageError, match=r"contracts\.yml:\d+, column updated_at: expected nothing that"):
        project.train(dataset, types=types)
    path = Path(dataset.uri)
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(HeadgateError, match="make the dataset anew"):
        project.train(dataset)
    path.write_bytes(content)


def test_the_lag_is_measured_from_releases(project: Project) -> None:
    """What is published long after its events tells nothing; else the longest time until then counts."""
    with pytest.raises(UsageError, match="such as --lag 90m"):
        project.dataset("measured")
    with pytest.raises(UsageError, match="none, measured, or a duration"):
        project.dataset("soon")
    reach = "(select min(processed_to) from ops.release_views where release_id = 1)"
    before = project.database.value("select published_at from ops.releases where release_id = 1")
    project.database.query(
        f"update ops.releases set published_at = {reach} + interval '7 minutes' where release_id = 1"
    )
    # A view of another source, which stands still: no part of the dataset.
    still = {
        "view": "still",
        "processed_to": "2000-01-01T00:00:00Z",
        "keys": ["other_id"],
        "columns": [{"name": "other_id", "type": "bigint", "stored_as": "other_id"}],
    }
    project.database.query(
        "insert into ops.release_views select (jsonb_populate_record(views, %s)).*"
        " from ops.release_views as views where release_id = 1 limit 1",
        json.dumps(still),
    )
    try:
        made = project.dataset("measured")
    finally:
        project.database.query("delete from ops.release_views where view = 'still'")
        project.database.query("update ops.releases set published_at = %s where release_id = 1", before)
    assert (made.lag_seconds, made.lag_kind) == (420, "measured")
    assert run(lambda: verify(project.settings, made.dataset_id)).same
