"""Models of the other tasks: trained on a dataset, kept, registered, deployed and asked by the same steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgate import postgres
from headgate.dataset.register import Dataset
from headgate.errors import GateFailed, HeadgateError, UsageError
from headgate.model import promotions, scoring, versions
from headgate.model.declaration import declaration
from headgate.model.deployment import steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.flavours import load
from headgate.model.output import output
from headgate.model.package import Package
from headgate.model.scoring import score
from headgate.model.signature import Input, Signature
from headgate.model.versions import ModelVersion
from headgate.scaffold.model import new_model
from tests.four_models import pyfunc_files
from tests.model_project import SPINE, Project, failed, gate, run
from tests.support import Databases

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)

TYPES = {**SPINE, "weight": "double precision", "way": "text", "reply": "text"}
ANSWERING = """
import json, pathlib
INDEX = json.loads((pathlib.Path(__file__).parent / "index.json").read_text())

def predict(rows):
    return [{"text": INDEX[row["colour"]], "cost": 0.002} for row in rows]
"""
METRIC = """
def measure(rows):
    return [{"quality": float(row["answer"] == row["label"]), "length": len(row["answer"])} for row in rows]
"""
INDEX = {"red": "stop", "green": "go", "blue": "wait"}


#: A load of which the spine holds rows, and a gate of the spine that has not passed it.
UNPROVEN = """
    with load as (
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri, status,
            lines_read, rows_landed, rows_rejected
        )
        values ('labels', 'records', '2026-01-01Z', '2026-01-02Z', 'none', 'landed', 0, 0, 0)
        returning load_id, partition_start
    ),

    sources as (insert into ops.model_sources values ('labels', 'labels')),

    gates as (insert into ops.model_gates values ('labels', '{labels_are_sound}', 'hash'))

    insert into ops.built_partitions (
        model, source, partition_start, upstream_version, version, load_id, built_at
    )
    select 'labels', 'labels', partition_start, 'v', 'v', load_id, now() from load
"""


def columns(project: Project) -> dict[str, list[Any]]:
    """Those of the shop with a quantity, a class and a text that follow from them."""
    given = project.shop.columns
    drawn = np.random.default_rng(2)
    size = np.array([value or 0.0 for value in given["size"]])
    noise = drawn.normal(size=len(size))
    way = np.where(size + 0.5 * noise > 0.7, "truck", np.where(size + 0.5 * noise < -0.7, "letter", "bike"))
    return {
        **given,
        "weight": (3 * np.abs(size) + noise).tolist(),
        "way": way.tolist(),
        "reply": [INDEX[colour] for colour in given["colour"]],
    }


@pytest.fixture(scope="module")
def project(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The shop with more labels."""
    with databases.new() as database:
        found = Project(database, tmp_path_factory.mktemp("tasks"))
        found.fill()
        found.spine(columns(found), TYPES)
        yield found


def trained(project: Project, label: str, task: str, **changed: Any) -> tuple[Dataset, ModelVersion]:
    """A dataset of a label, and a model of it."""
    dataset = project.dataset(label=label)
    return dataset, project.train(dataset, types=TYPES, task=task, label=label, directions={}, **changed)


def asked(project: Project, made: ModelVersion, row: dict[str, Any]) -> Any:
    """The answer of the champion after the version was registered and deployed."""

    async def work() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            await steps.register(connection, made.model, made.version, "a test")
            # Each is of another task than the one before: nothing that stands beside it.
            await steps.promote(
                connection, made.model, made.version, "a test", verdict=None, forced=True, asked=NO_APPROVAL
            )
            return await versions.load(connection, made.model, made.version)
        finally:
            await connection.close()

    package = run(work)
    predictor = load(package)
    try:
        return output(package.task, package.options, predictor.predict_one(row))
    finally:
        predictor.close()


ROW = {"size": 2.0, "age": 3, "noise": 0.0, "colour": "red", "shop_activity__orders_count_7d": 2}


def test_a_quantity(project: Project) -> None:
    """Errors with intervals, the card in the task's words, an answer near the mechanism's."""
    _, made = trained(project, "weight", "regression")
    assert made.passed, failed(made)
    assert made.figures["rmse"]["value"] < 1.3
    assert made.figures["mae"]["low"] < made.figures["mae"]["value"] < made.figures["mae"]["high"]
    assert {"r2", "rmse", "mae"} == made.figures["differences"]["base_rate"].keys()
    assert asked(project, made, ROW).score == pytest.approx(6, abs=1.5)


def test_one_of_several_classes(project: Project) -> None:
    """The chances of named classes; calibration of the likeliest one."""
    _, made = trained(project, "way", "multiclass")
    assert made.passed, failed(made)
    assert gate(made, "calibration")["verdict"] != "failed"
    answer = asked(project, made, ROW)
    scored = run(lambda: score(project.settings, made.model, made.version))
    assert scored.new == scored.rows == len(project.shop.columns["size"])
    assert run(lambda: score(project.settings, made.model, made.version)).new == 0
    told = project.database.query("select answer, score, probabilities ->> answer from scores.shipping")
    assert {answered for answered, *_ in told} == {"bike", "letter", "truck"}
    assert all(float(chance) == number for _, number, chance in told)
    assert answer.answer == "truck"
    assert answer.score == max(answer.probabilities.values()) > 0.7
    assert list(answer.probabilities) == ["bike", "letter", "truck"]

    project.database.query(UNPROVEN)
    with pytest.raises(GateFailed, match="labels_are_sound"):
        run(lambda: score(project.settings, made.model, made.version))
    project.database.query("delete from ops.built_partitions where model = 'labels'")


def test_a_model_of_ones_own_code(project: Project) -> None:
    """Packed with its index, measured by its own function; a worse index is refused beside the champion."""
    folder = project.folder / "model_code" / "reply"
    folder.mkdir(parents=True)
    texts = {"answering.py": ANSWERING, "metric.py": METRIC, "index.json": json.dumps(INDEX)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    custom = {"flavour": "pyfunc", "custom": {"folder": "model_code/reply", "rows": 150}, "invariant": []}
    dataset, made = trained(project, "reply", "custom", **custom)
    assert made.passed, failed(made)
    assert made.figures["quality"] == {"value": 1.0, "low": 1.0, "high": 1.0, "rows": 150}
    assert made.figures["cost_mean"] == pytest.approx(0.002)
    assert made.figures["seconds_p95"] > 0
    assert made.figures["length"]["value"] > 2
    assert asked(project, made, ROW).answer == "stop"

    again = project.train(dataset, types=TYPES, task="custom", label="reply", directions={}, **custom)
    assert again.model_sha256 == made.model_sha256
    (folder / "index.json").write_text(json.dumps({**INDEX, "red": "go"}))

    async def champion() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            await promotions.append(
                connection,
                made.model,
                "promote",
                made.version,
                champion=made.version,
                challenger=None,
                canary_share=0.0,
                reason="a test",
            )
        finally:
            await connection.close()

    run(champion)
    worse = project.train(dataset, types=TYPES, task="custom", label="reply", directions={}, **custom)
    assert worse.model_sha256 != made.model_sha256
    assert failed(worse) == {"not_worse_than_champion", "slice_skill_gap"}
    assert f"version {made.version}" in gate(worse, "not_worse_than_champion")["reason"]

    (folder / "answering.py").write_text("def predict(rows):\n    return [1 / 0 for row in rows]\n")
    broken = project.train(dataset, types=TYPES, task="custom", label="reply", directions={}, **custom)
    assert {"quality", "failed_answers"} <= failed(broken)
    (folder / "metric.py").unlink()
    with pytest.raises(UsageError, match=r"custom.folder: expected a folder of the project with metric.py"):
        project.train(dataset, types=TYPES, task="custom", label="reply", directions={}, **custom)


COLOURS = """
def predict(rows):
    with open({noted!r}, "a") as noted:
        noted.write("." * len(rows))
    return [None if row["colour"] == "blue" else row["colour"] for row in rows]
"""


def test_rows_that_fail_cost_no_other_row_its_score(project: Project, tmp_path: Path) -> None:
    """What has a score is not asked for again, it may cost; where row after row fails, the rest is not."""
    noted = tmp_path / "noted"
    colour = Input(name="colour", type="text", nullable=True)
    made = Package(
        name="colours",
        task="custom",
        flavour="pyfunc",
        signature=Signature(inputs=(colour,), keys=(), output=("reply", "text")),
        views={},
        files=pyfunc_files(COLOURS.format(noted=str(noted))),
        options={"spine": "training.labels", "instant": "asked_at", "label": "reply"},
    )

    async def add() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            return await versions.add(connection, made, passed=True)
        finally:
            await connection.close()

    run(add)
    with pytest.raises(HeadgateError, match="a text, a number or an object of JSON"):
        run(lambda: score(project.settings, "colours", 1))
    rows = project.shop.columns["colour"]
    assert project.database.value("select count(*) from scores.colours") == len(rows) - rows.count("blue")
    asked_before = len(noted.read_text())
    assert asked_before == len(rows)
    with pytest.raises(HeadgateError, match=f"{rows.count('blue')} rows without, 0 that got one"):
        run(lambda: score(project.settings, "colours", 1))
    assert len(noted.read_text()) == asked_before + scoring.MOST_IN_A_ROW


@pytest.mark.parametrize(
    ("label", "given", "task"),
    [
        ("is_shipped", None, "binary"),
        ("way", None, "multiclass"),
        ("weight", None, "regression"),
        ("reply", "custom", "custom"),
    ],
)
def test_a_new_model_has_the_task_of_its_label(
    project: Project, label: str, given: str | None, task: str
) -> None:
    """What is written is a declaration; of a custom model its code is, too."""
    dataset = project.dataset(label=label)

    async def write() -> Any:
        connection = await postgres.connect(project.settings)
        try:
            return await new_model(connection, project.folder, f"new_{task}", dataset.dataset_id, "3h", given)
        finally:
            await connection.close()

    project.declare(types=TYPES)
    project.scaffold()
    written = run(write)
    written.write()
    found = declaration(project.folder, f"new_{task}")
    (project.folder / f"models/exposures/new_{task}.yml").unlink()
    assert (found.task, found.label) == (task, label)
    assert found.flavour == ("pyfunc" if task == "custom" else "lightgbm")
    scores = f"mage_pipelines/pipelines/score_new_{task}/triggers.yaml"
    # Answers of one's own code may cost, and no label is compared with a text.
    is_custom = task == "custom"
    assert (f"model_code/new_{task}/answering.py" in written.texts) == is_custom
    assert ("status: inactive" in written.texts[scores]) == is_custom
    assert ("label_spines" in written.texts["dbt_project.yml"]) != is_custom
    assert "serves_models: &serves_models true" in written.texts["dbt_project.yml"]
