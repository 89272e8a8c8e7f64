"""What pipelines do with a declared model: train, deploy, watch, score."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from headgate import postgres
from headgate.errors import GateFailed
from headgate.model import versions
from headgate.model.flavours.load import load
from headgate.pipelines import models
from headgate.scaffold.model_pipelines import JOBS, missing_pipelines
from tests.model_project import MODEL, Project
from tests.support import Databases

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
SCORES = "select asked_at, shop_id, model_version, score from scores.shipping"


@pytest.fixture(scope="module")
def project(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The shop of made-up requests, whose model is declared and not trained."""
    with databases.new() as database:
        found = Project(database, tmp_path_factory.mktemp("shop"))
        found.fill()
        found.declare(feature_lag="10m")
        yield found


@pytest.fixture(autouse=True)
def _settings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_settings", lambda: project.settings)


def test_a_model_that_never_answered_leaves_nothing_in_the_project(project: Project) -> None:
    """Its pipelines come with `--pipelines`; its spine and the switch go with the last model."""
    project.scaffold()
    added = missing_pipelines(project.folder, "shipping", "30 3 * * 1", overwrite=False)
    added.write()
    assert len(added.texts) == 2 * len(JOBS) + 1
    planned = project.removal("shipping")
    assert planned.stays == ()
    assert planned.taken_back == (
        "labels among label_spines in dbt_project.yml",
        "serves_models in dbt_project.yml, false from now on",
    )
    assert yaml.safe_load(planned.texts["dbt_project.yml"]) == {
        "name": "shop",
        "vars": {"serves_models": False, "label_spines": []},
    }


def test_a_model_goes_from_its_declaration_to_scores(project: Project) -> None:
    """Nothing is done before there is one; a step that is done already is not done again."""
    assert models.watch_model("shipping") == models.score_model("shipping") == models.IDLE
    assert models.monitor_model("shipping") == {"alarms": [], "train": False}
    trained = models.train_model("shipping")
    assert (trained["version"], trained["dataset"]) == (1, 1)
    assert project.database.value("select lag_seconds from ops.datasets") == 600
    assert models.deploy_model("shipping")["champion"] == 1
    assert models.deploy_model("shipping") == {"deployed": "nothing new is registered"}
    assert models.watch_model("shipping") == {"canary": None, "done": None}

    rows = len(project.shop.columns["shop_id"])
    scored = models.score_model("shipping")
    assert (scored["rows"], scored["new"], scored["relation"]) == (rows, rows, "scores.shipping")
    assert models.score_model("shipping")["new"] == 0
    assert project.database.value("select count(*) from scores.shipping") == rows


def test_nothing_is_trained_before_a_release(
    databases: Databases, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mage's scheduler runs a weekly trigger at once when it first starts: that is no failure."""
    with databases.new() as empty:
        settings = replace(empty.settings, project_dir=project.settings.project_dir)
        monkeypatch.setattr(models, "load_settings", lambda: settings)
        assert models.train_model("shipping") == models.NOTHING_PUBLISHED


def test_scores_are_what_the_model_says(project: Project) -> None:
    """Of each row with the features that it had at its instant."""

    async def package() -> object:
        connection = await postgres.connect(project.settings)
        try:
            return load(await versions.load(connection, "shipping", 1))
        finally:
            await connection.close()

    predictor = asyncio.run(package())
    names = ["size", "age", "noise", "colour"]
    assert MODEL["inputs"] == [*names, "shop_activity__orders_count_7d"]
    given = project.database.query(
        f"select asked_at, shop_id, {', '.join(names)} from training.labels order by asked_at limit 50"
    )
    scores = {(at, shop): score for at, shop, _, score in project.database.query(SCORES)}
    for at, shop, *values in given:
        row = dict(zip(MODEL["inputs"], [*values, shop % 7], strict=True))
        assert predictor.predict_one(row) == scores[at, shop]


def test_a_deployed_model_that_is_removed_stays_monitored(project: Project) -> None:
    """Its answers need its spine's labels, and the models that monitor them."""
    planned = project.removal("shipping")
    assert (planned.texts, planned.taken_back) == ({}, ())
    assert planned.stays[1:] == (
        "its champion, version 1: `headgate serve shipping` goes on answering with it",
        "its scores in scores.shipping",
        "labels among label_spines in dbt_project.yml: shipping has answers that it labels",
        "serves_models in dbt_project.yml: what was answered is monitored",
    )


def test_what_does_not_pass_is_told_and_not_registered(project: Project) -> None:
    """The champion stays."""
    project.declare(feature_lag="10m", gates={"beats_chance": 0.999})
    with pytest.raises(GateFailed, match="beats_chance"):
        models.train_model("shipping")
    assert project.database.query("select version, passed from ops.model_versions order by 1") == [
        (1, True),
        (2, False),
    ]
    assert models.deploy_model("shipping") == {"deployed": "nothing new is registered"}
