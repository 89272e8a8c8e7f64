"""MLflow's own UI over the mirror, from the environment that `headgate mlflow` makes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from headgate.errors import HeadgateError
from headgate.model import versions
from headgate.model.mirror import store
from headgate.pipelines import mlflow_ui
from headgate.postgres.connection import Connection
from tests.browser import browser
from tests.integration.test_mlflow_mirror import MODEL, deploy, train
from tests.integration.test_models import in_database
from tests.servers import Service, free_port, wait_until
from tests.support import Database, Databases

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]

#: What is said where the machine lacks uv or a way to packages.
ABSENT = re.compile("no such program|[Ff]ailed to fetch|error sending request|dns error")
API = "api/2.0/mlflow"
PATHS = (
    *("", "health", "version", f"{API}/experiments/search", "ajax-api/2.0/mlflow/registered-models/search"),
    *("get-artifact?path=x&run_uuid=x", "ajax-api/3.0/mlflow/assistant/config", "v1/traces", "nowhere"),
)


@pytest.fixture
def mirrored(databases: Databases) -> Iterator[Database]:
    """A database with versions, whose mirror goes with it."""
    with databases.new() as found:
        try:
            mlflow_ui.python(found.settings)
        except HeadgateError as error:
            if not ABSENT.search(str(error)):
                raise
            pytest.skip("no uv (make setup), or no package index that it reaches")
        in_database(found, train)
        yield found
        store.forget(found.settings)


def test_the_ui_shows_runs_and_aliases_follows_and_ends_with_its_parent(
    mirrored: Database, tmp_path: Path
) -> None:
    """Strangers and other hosts' names are refused, a promotion moves the alias, nothing outlives it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("headgate")), "mlflow", "--port", str(port)]
    service = Service(command, mirrored.env, mirrored.folder / "mlflow.log")
    url = f"http://127.0.0.1:{port}"

    def login() -> tuple[str, str]:
        file = mlflow_ui.password_file(mirrored.settings)
        return mlflow_ui.USER, file.read_text().strip() if file.exists() else ""

    def alias(name: str) -> str | None:
        asked = {"name": MODEL, "alias": name}
        answer = httpx.get(f"{url}/{API}/registered-models/alias", params=asked, auth=login())
        return answer.json()["model_version"]["version"] if answer.status_code == 200 else None

    def answers() -> bool:
        assert service.is_running(), service.log.read_text()
        try:
            return httpx.get(f"{url}/health", auth=login()).status_code == 200
        except httpx.TransportError:
            return False

    service.start()
    try:
        wait_until(answers, f"MLflow, see {service.log}", seconds=400)
        assert alias("champion") == "1"
        for path in PATHS:
            assert httpx.get(f"{url}/{path}").status_code == 401, path
            assert httpx.get(f"{url}/{path}", auth=(mlflow_ui.USER, "another")).status_code == 401, path
        if os.geteuid() == 0:
            assert_closed_to_another_user(url, mlflow_ui.password_file(mirrored.settings))
        elsewhere = {"Host": "evil.example"}
        refused = httpx.get(f"{url}/{API}/experiments/get", headers=elsewhere, auth=login())
        assert refused.status_code == 403
        with browser(tmp_path, url, {}) as page:
            # As who typed them into the browser's question, which a headless one does not show.
            page.open(url.replace("//", "//{}:{}@".format(*login())) + "/health", "OK")
            page.open(f"{url}/#/models", MODEL, "champion", seconds=120)
            page.screenshot(mirrored.folder / "models.png")
            page.open(f"{url}/#/models/{MODEL}/versions/1", "gate.beats_base_rate", seconds=120)

        async def promote(connection: Connection) -> None:
            await versions.register(connection, MODEL, 3)
            await deploy(connection, champion=1, challenger=3)

        in_database(mirrored, promote)
        wait_until(lambda: alias("challenger") == "3", "the alias")
        assert service.process is not None
        started = psutil.Process(service.process.pid).children(recursive=True)
        assert started
        service.process.kill()
        wait_until(lambda: not any(child.is_running() for child in started), "the end of its children")
    finally:
        service.kill()


def assert_closed_to_another_user(url: str, password: Path) -> None:
    """A daemon's user gets 401, and cannot read the password."""
    program = (
        "import sys, urllib.request, urllib.error\n"
        "try: urllib.request.urlopen(sys.argv[1])\n"
        "except urllib.error.HTTPError as error: print(error.code)\n"
        "try: open(sys.argv[2])\n"
        "except OSError as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", program, url, str(password)],
        user="daemon",
        group="daemon",
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    assert done.stdout.split() == ["401", "PermissionError"]
