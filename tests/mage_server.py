"""A running `headgate mage`, and its API."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.servers import free_port
from tests.support import ROOT, Database

SECONDS_TO_RUN = 600
#: What the UI calls itself.
CLIENT = "zkWlN0PkIKSN0C11CfUHUj84OT5XOJ6tDZ6bDRO2"


def listening(processes: Iterable[psutil.Process]) -> list[Any]:
    """The addresses, as psutil tells them, at which processes listen; those that ended meanwhile do not."""
    found = []
    for process in processes:
        # A process that ends tells an ordinary user nothing any more.
        with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess):
            found += [
                connection.laddr
                for connection in process.connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
    return found


class Mage:
    """A running `headgate mage` and its API."""

    def __init__(self, database: Database, process: subprocess.Popen[bytes], port: int) -> None:
        self.database = database
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.api = httpx.Client(base_url=f"{self.url}/api", timeout=60)
        self.api.headers["X-API-KEY"] = CLIENT
        self.token = ""
        #: Alerts that arrived at the webhook.
        self.alerts: list[dict[str, Any]] = []

    def log_in(self, password: str) -> None:
        """Logs in as the owner; Mage makes that user some seconds after it began to listen."""
        owner = {"email": "owner@headgate.local", "password": password}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.api.post("sessions", json={"session": owner, "api_key": CLIENT}).json()
            if "session" in answer:
                self.token = answer["session"]["token"]
                self.api.cookies.set("oauth_token", self.token)
                return
            time.sleep(1)
        raise AssertionError(f"no login: {answer}")

    def runs(self, pipeline: str) -> list[dict[str, Any]]:
        """The pipeline's runs, newest first."""
        found: list[dict[str, Any]] = self.api.get(
            "pipeline_runs", params={"pipeline_uuid": pipeline}
        ).json()["pipeline_runs"]
        return sorted(found, key=lambda run: -int(run["id"]))

    def finished(self, pipeline: str, run_id: int | None = None) -> dict[str, Any]:
        """The run of that number (default: the first run) once it has ended."""
        deadline = time.monotonic() + SECONDS_TO_RUN
        # A run that becomes due while the first one is at work is cancelled at once.
        ended = {"completed", "failed"} if run_id is None else {"completed", "failed", "cancelled"}
        while time.monotonic() < deadline:
            for run in reversed(self.runs(pipeline)):
                if run_id in (None, run["id"]) and run["status"] in ended:
                    return run
            time.sleep(2)
        raise AssertionError(f"{pipeline} does not end: {self.runs(pipeline)}")

    def log(self, pipeline: str, run_id: int) -> str:
        """What the UI's log page shows of a run."""
        return self.api.get(f"pipelines/{pipeline}/logs", params={"pipeline_run_id[]": run_id}).text


@contextlib.contextmanager
def serving(
    database: Database, *options: str, project: Path = ROOT, env: Mapping[str, str] | None = None
) -> Iterator[Mage]:
    """`headgate mage` with `options` over a project, logged in; stopped at the end."""
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("headgate"), "mage", "--port", str(port), *options],
        env={**database.env, **(env or {})},
        cwd=project,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b"Mage runs at" in process.stdout.readline()
        running = Mage(database, process, port)
        running.log_in((database.settings.home / "mage-password").read_text())
        yield running
    finally:
        process.terminate()
        process.wait(60)
