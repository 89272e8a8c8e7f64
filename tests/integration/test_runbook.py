"""The runbooks of models: every command of their pages, in the order of a model's life, on one small store.

A page's command stands here as it stands there. What runs is the same with the store's own names and free
ports (`OURS`). A command that is added to a page has to be added here, or to `NOT_RUN` with its reason.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import shell
from tests.model_project import Project
from tests.project_copy import ProjectCopy
from tests.servers import free_port, wait_until
from tests.support import ROOT, Databases

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.slow]

PAGES = ("models", "serving", "deployment", "monitoring", "mlflow", "packaging")
PROGRAMS = (
    "headgate ",
    "curl ",
    "environment/bin/",
    "python3 -m venv ",
    "podman ",
    "kubectl ",
    "cd ",
    "for ",
    "echo ",
)
#: By page, commands that no test here runs, and why.
NOT_RUN = {
    "headgate run train_pull_request_merge": "starts Mage: test_model_pipelines runs its blocks",
    "headgate mlflow": "installs 630 MB: test_mlflow_ui runs it",
    "headgate model monitor *": "reads what dbt has built: test_monitoring builds it and runs it",
    "headgate gates show *": "reads what dbt has built: test_monitoring builds it",
    "podman build *": "no container engine: test_deploy_checks checks the files",
    "cd deploy *": "for the compose file, which needs a container engine",
    "for name in *": "for the compose file, which needs a container engine",
    "echo *": "for the compose file, which needs a container engine",
    "kubectl *": "no cluster: test_deploy_checks checks the manifests",
}
#: What the pages' examples are called in this store.
OURS = {
    "pull_request_merge": "order_returns",
    "training.pull_requests_opened": "training.labels --label is_shipped",
    "customer_id": "shop_id",
    "amount": "size",
    " MODEL": " order_returns",
    "--to RELEASE": "--to 1",
    "diff OLD NEW": "diff 1 2",
    "2026-03-01T12:30:00Z": "2126-03-01T12:30:00Z",
}
MODEL = {
    "inputs": ["size", "shop_activity__orders_count_7d"],
    "baseline": ["size", "shop_activity__orders_count_7d"],
    "invariant": [],
    "feature_lag": "10m",
}


def commands() -> list[str]:
    """The pages' commands: indented ones, and those of the lines that say how to verify and to roll back."""
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text().replace("\\\n", " ")
        found += [line for line in re.findall(r"^ {4}(.*)$", text, re.MULTILINE) if line.startswith(PROGRAMS)]
        told = re.findall(r"^(?:Verify:|Roll back:)(?:.+\n)+", text, re.MULTILINE)
        told += re.findall(r"^\| .*`headgate.*$", text, re.MULTILINE) if page == "monitoring" else []
        for part in told:
            codes = re.findall(r"`([^`]*)`", part)
            found += [code for code in codes if code.startswith(PROGRAMS) and "`" not in code]
    return list(dict.fromkeys(re.sub(r"\s+", " ", re.sub(r"\s{2,}# .*", "", line)).strip() for line in found))


def reason(command: str) -> str | None:
    """Why a command is not run; None where it is."""
    return next((why for known, why in NOT_RUN.items() if fnmatch.fnmatchcase(command, known)), None)


class Runbook:
    """The store, and what ran."""

    def __init__(self, project: Project, copy: ProjectCopy) -> None:
        self.project, self.copy = project, copy
        self.port = free_port()
        self.ran: list[str] = []

    def ours(self, command: str) -> str:
        """A page's command with this store's names."""
        for theirs, own in OURS.items():
            command = command.replace(theirs, own)
        return command.replace("localhost:8766", f"localhost:{self.port}")

    def run(self, command: str, exit_code: int = 0, more: str = "") -> str:
        """Runs a command of a page, and notes it; what it prints."""
        self.ran.append(command)
        return self.prepare(f"{self.ours(command)} {more}", exit_code)

    def prepare(self, command: str, exit_code: int = 0) -> str:
        """Runs a command that is on no page."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.copy.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == exit_code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def env(self) -> dict[str, str]:
        """The database's, with this environment's programs."""
        given = self.copy.database.env
        return {**given, "PATH": shell.path(given)}

    def start(self, command: str, more: str = "") -> subprocess.Popen[bytes]:
        """Starts a server of a page."""
        self.ran.append(command)
        words = shlex.split(f"{self.ours(command)} {more}")
        return subprocess.Popen(words, cwd=self.copy.folder, env=self.env)

    def answers(self, url: str) -> bool:
        """Whether a server answers."""
        done = subprocess.run(["curl", "-skf", url], capture_output=True)
        return done.returncode == 0


@pytest.fixture(scope="module")
def book(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runbook]:
    """A store with a release, a spine with labels, and the declaration of `order_returns`."""
    with databases.new() as database:
        copy = ProjectCopy.make(tmp_path_factory.mktemp("runbook"), database)
        project = Project(database, copy.folder)
        project.fill()
        database.query("update ops.loads set finished_at = now() where finished_at is null")
        file = project.declare(**MODEL)
        file.write_text(file.read_text().replace("name: shipping", "name: order_returns"))
        yield Runbook(project, copy)


def test_every_command_of_the_pages_runs(book: Runbook) -> None:
    """From a dataset to a bundle, with a canary, rollbacks, keys, swaps, monitoring and the mirror."""
    trained(book)
    server = book.start("headgate serve order_returns", f"--port {book.port}")
    try:
        wait_until(lambda: book.answers(f"localhost:{book.port}/readyz"), "ready", 120)
        served = asked(book)
        canary(book)
        with_release(book)
    finally:
        server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    keys(book)
    encrypted(book)
    monitored(book)
    mirrored(book)
    bundled(book, served)
    taken_out(book)
    page = commands()
    assert [command for command in page if command not in book.ran and reason(command) is None] == []
    assert [command for command in book.ran if command not in page] == []


def trained(book: Runbook) -> None:
    """A dataset, a version that passes, registered and deployed; a second one."""
    book.run("headgate dataset create pull_requests --spine training.pull_requests_opened --lag 10m")
    assert "beats_base_rate" in book.run("headgate train pull_request_merge --dataset 1")
    book.run("headgate model register pull_request_merge 1")
    book.prepare("headgate model deploy order_returns 1 --why first")
    book.run("headgate score pull_request_merge")
    book.prepare("headgate train order_returns --dataset 1")


def asked(book: Runbook) -> dict[str, Any]:
    """An answer by key."""
    predict = (
        "curl -s localhost:8766/predict -H 'content-type: application/json'"
        """ -d '{"key": {"customer_id": 7}, "inputs": {"amount": 12.5}}'"""
    )
    answer = json.loads(book.run(predict))
    assert answer["predictions"][0]["version"] == 1 if "predictions" in answer else answer["version"] == 1
    book.run("curl localhost:8766/readyz")
    book.run("headgate status")
    found: dict[str, Any] = answer["predictions"][0] if "predictions" in answer else answer
    return found


def canary(book: Runbook) -> None:
    """Registered, approved, deployed beside the champion, watched, refused a promotion, rolled back."""
    book.run("headgate model register order_returns 2 --why 'weekly training'")
    book.run("headgate model approve order_returns 2 --why 'card read'")
    book.run("headgate model deploy order_returns 2 --share 0.1")
    assert "challenger   version 2" in book.run("headgate model status order_returns")
    book.run("headgate model status MODEL")
    book.run("headgate model watch order_returns --once")
    watching = book.start("headgate model watch order_returns")
    time.sleep(8)
    assert watching.poll() is None
    watching.send_signal(signal.SIGINT)
    watching.wait(30)
    book.run("headgate model promote order_returns", exit_code=3)
    book.run("headgate model rollback order_returns --why 'complaints'")
    book.prepare("headgate model deploy order_returns 2 --share 0.1")
    book.run("headgate model rollback order_returns")
    book.prepare("headgate model deploy order_returns 2 --share 0.1")
    book.run("headgate model rollback MODEL")
    book.run("headgate model diff order_returns 1 2")
    assert "version 1" in book.run("headgate model at 2026-03-01T12:30:00Z order_returns")


def with_release(book: Runbook) -> None:
    """Model and release go back together, then the release forth and back by itself."""
    book.project.database.query("update features.shop_activity set orders_count_7d = orders_count_7d + 1")
    assert book.project.store.publish() == 2
    book.prepare("headgate model deploy order_returns 2 --share 0.1")
    book.prepare("headgate model promote order_returns --force --why trying")
    book.run("headgate model rollback order_returns --to 1 --with-release")
    book.run("headgate releases")
    book.run("headgate diff OLD NEW")
    book.prepare("headgate rollback --to 2 --yes")
    book.run("headgate rollback --to RELEASE --yes")


def keys(book: Runbook) -> None:
    """Added, one of them revoked."""
    assert book.run("headgate keys add checkout")
    book.run("headgate keys add prometheus --scope metrics")
    book.run("headgate keys revoke checkout")


def encrypted(book: Runbook) -> None:
    """Two workers behind a certificate, on every interface."""
    port = free_port()
    subject = "-subj /CN=localhost -keyout tls.key -out tls.crt"
    book.prepare(f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 {subject}")
    server = book.start(
        "headgate serve order_returns --host 0.0.0.0 --workers 2 --tls-certificate tls.crt --tls-key tls.key",
        f"--port {port}",
    )
    try:
        wait_until(lambda: book.answers(f"https://localhost:{port}/healthz"), "answers over TLS", 120)
    finally:
        server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def monitored(book: Runbook) -> None:
    """Gates, and what is late: the store's only data is of a day in March."""
    book.run("headgate gates")
    book.run("headgate check", exit_code=1)


def mirrored(book: Runbook) -> None:
    """Written, and built anew."""
    book.run("headgate mlflow sync")
    book.run("headgate mlflow sync --rebuild")


def bundled(book: Runbook, served: dict[str, Any]) -> None:
    """Through the command, into an empty environment without an index: what was served, bit for bit."""
    book.run("headgate model bundle pull_request_merge --out bundle")
    book.prepare("cp -r bundle/* .")
    book.run("python3 -m venv environment")
    book.run(
        "environment/bin/pip install --no-index --find-links wheels --require-hashes -r requirements.txt",
        more="--quiet",
    )
    # Shop 7 had no orders when it was asked.
    row = {"size": 12.5, "shop_activity__orders_count_7d": 0}
    (book.copy.folder / "rows.jsonl").write_text(json.dumps(row) + "\n")
    book.run("environment/bin/headgate-predict model < rows.jsonl > scores.jsonl")
    (line,) = (book.copy.folder / "scores.jsonl").read_text().splitlines()
    assert json.loads(line)["score"] == served["score"]


def taken_out(book: Runbook) -> None:
    """Out of service, and back with another version."""
    book.run("headgate model undeploy order_returns --why 'nobody asks it any more'")
    assert re.search(r"champion +none", book.run("headgate model status order_returns"))
    book.run("headgate model deploy order_returns 2")
