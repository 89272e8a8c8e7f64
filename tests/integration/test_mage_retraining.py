"""Drift of a served model starts its training, in Mage's own scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mage_server import Mage, serving
from tests.monitored_days import monitored
from tests.servers import wait_until
from tests.support import Databases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
]
MONITOR, TRAIN = "monitor_pull_request_merge", "train_pull_request_merge"


@pytest.fixture
def mage(databases: Databases) -> Iterator[Mage]:
    """Mage over models that were trained long ago, and whose yesterday went wrong in one way each."""
    with databases.new(databases.template("monitored", monitored)) as database:
        for table in ("model_traffic", "input_histograms", "skew", "quality_sums"):
            database.query(f"update monitoring.{table} set day = (now() at time zone 'UTC')::date - 1")
        database.query("alter table ops.model_versions disable trigger user")
        database.query("update ops.model_versions set trained_at = now() - interval '9 days'")
        with serving(database) as running:
            yield running


def asked(mage: Mage, model: str) -> dict[str, Any]:
    """What the monitoring pipeline came to, run by its trigger for a model."""
    schedules = f"pipelines/{MONITOR}/pipeline_schedules"
    wait_until(lambda: mage.api.get(schedules).json()["pipeline_schedules"], "the trigger", 120)
    [daily] = mage.api.get(schedules).json()["pipeline_schedules"]
    body = {"pipeline_run": {"variables": {"model": model}}}
    started = mage.api.post(f"pipeline_schedules/{daily['id']}/pipeline_runs", json=body).json()
    return mage.finished(MONITOR, started["pipeline_run"]["id"])


def trainings(mage: Mage, model: str) -> list[dict[str, Any]]:
    """The runs of the training pipeline that are about a model."""
    return [run for run in mage.runs(TRAIN) if (run["variables"] or {}).get("model") == model]


def test_drift_starts_the_training_pipeline_and_a_quiet_day_does_not(mage: Mage) -> None:
    """The run is about the model that drifted; its block looks for that declaration."""
    for model in ("quiet", "drifted"):
        assert asked(mage, model)["status"] == "completed"
    wait_until(lambda: trainings(mage, "drifted"), "a training of the model", 120)
    [begun] = trainings(mage, "drifted")
    assert mage.finished(TRAIN, begun["id"])["status"] == "failed"
    assert "model drifted" in mage.log(TRAIN, begun["id"])
    assert trainings(mage, "quiet") == []
