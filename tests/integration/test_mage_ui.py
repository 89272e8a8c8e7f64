"""Mage's UI and API over a project with generated pipelines, reachable from other machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.browser import browser
from tests.mage_server import CLIENT, Mage, serving
from tests.project_copy import ProjectCopy
from tests.servers import wait_until
from tests.support import Databases

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def project(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    """A project with a generated pipeline of each type."""
    with databases.new() as database:
        made = ProjectCopy.make(tmp_path_factory.mktemp("project"), database)
        made.headgate(
            *("new", "pipeline", "sync_orders", "--tag", "sales", "--schedule", "*/30 * * * *"),
            *("--description", "Counts the loads of a day."),
        )
        made.headgate("new", "pipeline", "follow_clicks", "--type", "streaming")
        yield made


@pytest.fixture(scope="module")
def mage(project: ProjectCopy) -> Iterator[Mage]:
    """Mage on all interfaces of this machine."""
    with serving(project.database, "--host", "0.0.0.0", project=project.folder) as running:
        yield running


def test_strangers_are_sent_away(mage: Mage) -> None:
    """Where others reach it, the API shows and takes nothing without a login, nor with a made-up one."""
    for cookie, codes in (("", {403}), ("oauth_token=made-up", {401, 403, 500})):
        headers = {"X-API-KEY": CLIENT, "Cookie": cookie}
        answers = [
            httpx.get(f"{mage.url}/api/{path}", headers=headers).json()
            for path in ("pipelines", "pipeline_runs", "custom_templates", "blocks")
        ]
        body = {"pipeline": {"name": "intruder"}}
        answers.append(httpx.post(f"{mage.url}/api/pipelines", headers=headers, json=body).json())
        assert all(answer.keys() <= {"error", "status", "url_parameters"} for answer in answers)
        assert {answer["error"]["code"] for answer in answers} <= codes
    assert "intruder" not in mage.api.get("pipelines").text


def test_password_is_kept_and_not_logged(mage: Mage) -> None:
    """The generated password is in a file for its owner only, and in no log."""
    home = mage.database.settings.home
    file = home / "mage-password"
    password = file.read_text()

    assert file.stat().st_mode & 0o777 == 0o600
    assert len(password) >= 24
    assert not [log for log in home.rglob("*.log") if password in log.read_text(errors="replace")]
    assert password not in " ".join(Path(f"/proc/{mage.process.pid}/cmdline").read_text().split("\0"))


def test_login_cannot_be_switched_off_for_others(project: ProjectCopy) -> None:
    """Without a login Mage serves the local machine only."""
    env = {**os.environ, **project.database.env, "REQUIRE_USER_AUTHENTICATION": "0"}
    refused = ProjectCopy(project.folder, type(project.database)(**{**vars(project.database), "env": env}))

    said = refused.headgate("mage", "--host", "0.0.0.0", "--port", "1", exit_code=2).stderr

    assert "Mage runs code for whoever reaches it" in said


def test_templates_are_offered(mage: Mage) -> None:
    """Block and pipeline templates are in Mage's list with their descriptions."""
    found = {
        kind: mage.api.get("custom_templates", params={"object_type": kind}).json()["custom_templates"]
        for kind in ("blocks", "pipelines")
    }

    assert {template["template_uuid"] for template in found["pipelines"]} == {"batch", "streaming"}
    assert {"data_loader", "transformer", "sensor", "streaming_sink"} <= {
        template["template_uuid"] for template in found["blocks"]
    }
    assert all(template["description"] and template["name"] for kind in found.values() for template in kind)


def test_pipeline_and_block_are_made_from_templates(mage: Mage, project: ProjectCopy) -> None:
    """A pipeline from a template gets its settings, a block from a template its code; both are valid."""
    mage.api.post("pipelines", json={"pipeline": {"name": "drawn", "custom_template_uuid": "batch"}})
    block = {
        "name": "drawn loader",
        "type": "data_loader",
        "language": "python",
        "config": {"custom_template_uuid": "data_loader"},
    }
    mage.api.post("pipelines/drawn/blocks", json={"block": block})

    template = "mage_pipelines/custom_templates/blocks/data_loader/data_loader.py"
    made = project.folder / "mage_pipelines" / "data_loaders" / "drawn_loader.py"
    assert made.read_text() == (project.folder / template).read_text()
    metadata = yaml.safe_load((project.folder / "mage_pipelines/pipelines/drawn/metadata.yaml").read_text())
    assert [callback["uuid"] for callback in metadata["callbacks"]] == ["alerts/alert_on_failure"]
    project.headgate("pipelines", "validate", "mage_pipelines/pipelines/drawn")


def test_generated_pipeline_runs_on_its_schedule(mage: Mage) -> None:
    """The trigger of a generated batch pipeline fires, and every block completes."""
    run = mage.finished("sync_orders")

    assert {block["block_uuid"]: block["status"] for block in run["block_runs"]} == {
        "sync_orders/load": "completed",
        "sync_orders/transform": "completed",
        "sync_orders/export": "completed",
    }
    written = json.loads((mage.database.settings.home / "exports" / "sync_orders.json").read_text())
    assert written == {"loads": 0, "rows": []}


def test_generated_stream_passes_messages_on(mage: Mage) -> None:
    """A generated streaming pipeline hands every message of its source to its sink, while it runs."""
    home = mage.database.settings.home
    source, sink = home / "streams" / "follow_clicks.jsonl", home / "exports" / "follow_clicks.jsonl"
    source.parent.mkdir(exist_ok=True)
    source.write_text('{"id": 1}\n{"id": 2}\n{"id"')
    schedule = {"name": "now", "schedule_type": "api", "status": "active", "settings": {}}
    made = mage.api.post(
        "pipelines/follow_clicks/pipeline_schedules", json={"pipeline_schedule": schedule}
    ).json()
    made_id = made["pipeline_schedule"]["id"]
    mage.api.put(
        f"pipeline_schedules/{made_id}", json={"pipeline_schedule": {"id": made_id, "status": "active"}}
    )

    mage.api.post(f"pipeline_schedules/{made_id}/pipeline_runs", json={"pipeline_run": {}})

    wait_until(lambda: sink.exists() and sink.read_text().count("\n") == 2, "two messages", 180)
    with source.open("a") as lines:
        lines.write(": 3}\n")
    wait_until(lambda: sink.read_text().count("\n") == 3, "the message that was being written", 60)
    assert [json.loads(line)["id"] for line in sink.read_text().splitlines()] == [1, 2, 3]


@pytest.mark.browser
def test_pipelines_are_told_apart(mage: Mage, tmp_path: Path) -> None:
    """The list shows descriptions and tags, the templates page the templates, a run its blocks and log."""
    run = mage.finished("sync_orders")
    cookies = {"oauth_token": mage.token}
    with browser(tmp_path, mage.url, cookies) as page:
        page.open(
            f"{mage.url}/pipelines", "sync_orders", "Counts the loads of a day.", "sales", "build_features"
        )
        page.screenshot(tmp_path / "pipelines.png")
        page.open(f"{mage.url}/templates", "Data loader (Headgate)", "its @test is a gate")
        page.screenshot(tmp_path / "templates.png")
        page.open(f"{mage.url}/pipelines/sync_orders/runs/{run['id']}", "sync_orders/transform")
        page.open(f"{mage.url}/pipelines/sync_orders/logs", "sync_orders/export", "completes")
        page.screenshot(tmp_path / "logs.png")

    assert all(
        (tmp_path / f"{name}.png").stat().st_size > 20_000 for name in ("pipelines", "templates", "logs")
    )
