"""`headgate mage`: triggers fire, runs complete, and a failed gate is told in Mage's log and by webhook."""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.mage_server import CLIENT, Mage, listening, serving
from tests.support import ROOT, Databases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
]

GATE = "gharchive_records_are_accounted_for"


def trigger_files() -> dict[Path, str]:
    """The files that hold the triggers."""
    files = (ROOT / "mage_pipelines").glob("pipelines/*/triggers.yaml")
    return {file: file.read_text() for file in files}


BEFORE = trigger_files()


class Archive(http.server.SimpleHTTPRequestHandler):
    """Serves a folder of archive hours and keeps what is posted to /alerts."""

    alerts: list[dict[str, Any]]

    def __init__(self, *arguments: Any, alerts: list[dict[str, Any]], **options: Any) -> None:
        self.alerts = alerts
        super().__init__(*arguments, **options)

    def do_POST(self) -> None:
        """Keeps an alert."""
        self.alerts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def mage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mage]:
    """Mage with its scheduler over a fresh database, and an archive that has the last hours."""
    folder = tmp_path_factory.mktemp("archive")
    alerts: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    hours = (f"{now - timedelta(hours=2):%Y-%m-%dT%H}", f"{now:%Y-%m-%dT%H}")
    handler = partial(Archive, directory=str(folder), alerts=alerts)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(databases.new())
        database.headgate(
            "synth", "--from", hours[0], "--to", hours[1], "--events-per-hour", "200", "--out", folder
        )
        web = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=web.serve_forever, daemon=True).start()
        stack.callback(web.shutdown)
        url = f"http://127.0.0.1:{web.server_port}"
        env = {
            "HEADGATE_ARCHIVE_URL": url,
            "HEADGATE_ALERT_WEBHOOK_URL": f"{url}/alerts",
        }
        running = stack.enter_context(serving(database, env=env))
        running.alerts = alerts
        yield running


def test_triggers_fire_and_runs_complete(mage: Mage) -> None:
    """Both hourly triggers fire by themselves: the last hour is landed, then built into features."""
    assert mage.finished("ingest_gharchive")["status"] == "completed"
    assert mage.finished("build_features")["status"] == "completed"

    assert mage.database.query("select status, uri like 'http://127.0.0.1%' from ops.loads") == [
        ("landed", True)
    ]
    assert mage.database.value("select count(*) from features.actor_activity") > 0
    assert mage.alerts == []


def test_trigger_files_stay_as_they_are(mage: Mage) -> None:
    """Serving does not rewrite the files that hold the triggers."""
    mage.finished("build_features")

    assert trigger_files() == BEFORE


def test_a_build_with_nothing_new_is_left_out(mage: Mage) -> None:
    """The run is complete; the log says that the condition was not met; nothing was built or published."""
    mage.finished("build_features")

    run = build_now(mage)

    assert run["status"] == "completed"
    assert {block["block_uuid"]: block["status"] for block in run["block_runs"]} == {
        "build/new_loads": "completed",
        "build/models": "condition_failed",
        "build/publish_release": "condition_failed",
    }
    assert "nothing new: no load, decision or file" in mage.log("build_features", run["id"])


def build_now(mage: Mage) -> dict[str, Any]:
    """Runs the hourly trigger of build_features by hand, without waiting for loads; its run."""
    schedules = mage.api.get("pipelines/build_features/pipeline_schedules").json()["pipeline_schedules"]
    [schedule] = [schedule for schedule in schedules if schedule["name"] == "hourly"]
    body = {"pipeline_run": {"variables": {"wait_minutes": 0}}}
    started = mage.api.post(f"pipeline_schedules/{schedule['id']}/pipeline_runs", json=body).json()
    run: dict[str, Any] = mage.finished("build_features", started["pipeline_run"]["id"])
    return run


def test_failed_gate_is_told_in_the_log_and_by_webhook(mage: Mage) -> None:
    """A scheduled run with a failed gate: Mage's log names it, the webhook gets it, nothing after it runs."""
    mage.finished("build_features")
    mage.database.query("delete from ops.certified_partitions")
    mage.database.query("""
        update ops.loads set rows_landed = rows_landed + 1, lines_read = lines_read + 1
        where load_id = (select min(load_id) from ops.loads)
    """)

    run = build_now(mage)

    assert {block["block_uuid"]: block["status"] for block in run["block_runs"]} == {
        "build/new_loads": "completed",
        "build/models": "failed",
        "build/publish_release": "cancelled",
    }
    said = f"Gate {GATE} on stg_gharchive__load_outcomes failed: 1 row"
    assert said in mage.log("build_features", run["id"])
    assert f"headgate gates show {GATE}" in mage.log("build_features", run["id"])
    assert [(alert["pipeline"], alert["block"]) for alert in mage.alerts] == [
        ("build_features", "build/models")
    ]
    assert said in mage.alerts[0]["message"]


def test_strangers_are_sent_away(mage: Mage) -> None:
    """Without a login the API shows nothing, and the password is for its owner's eyes only."""
    answer = httpx.get(mage.api.base_url.join("pipeline_runs"), headers={"X-API-KEY": CLIENT}).json()

    assert answer["error"]["code"] == 403
    assert (mage.database.settings.home / "mage-password").stat().st_mode & 0o077 == 0


def test_only_the_local_machine_reaches_it(mage: Mage) -> None:
    """Nothing that Mage starts listens on an interface that others reach."""
    processes = [psutil.Process(mage.process.pid), *psutil.Process(mage.process.pid).children(recursive=True)]

    assert {address.ip for address in listening(processes)} == {"127.0.0.1"}


def test_ctrl_c_stops_everything(mage: Mage) -> None:
    """Ctrl-C ends the server, the scheduler and every process that they started."""
    children = psutil.Process(mage.process.pid).children(recursive=True)

    mage.process.send_signal(signal.SIGINT)

    mage.process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert len(children) > 2
    assert not alive
