"""MLflow's own UI over the mirror, from the environment that `headgate mlflow` makes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from headgate import environments
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


@pytest.fixture
def mirrored(databases: Databases) -> Iterator[Database]:
    """A database with versions, whose mirror goes with it."""
    with databases.new() as found:
        try:
            environments.python(found.settings, mlflow_ui.ENVIRONMENT, mlflow_ui.LOCK)
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
    """Other hosts' names are refused, a promotion moves the alias, nothing outlives the command."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("headgate")), "mlflow", "--port", str(port)]
    service = Service(command, mirrored.env, mirrored.folder / "mlflow.log")
    url = f"http://127.0.0.1:{port}"

    def alias(name: str) -> str | None:
        answer = httpx.get(f"{url}/{API}/registered-models/alias", params={"name": MODEL, "alias": name})
        return answer.json()["model_version"]["version"] if answer.status_code == 200 else None

    def answers() -> bool:
        assert service.is_running(), service.log.read_text()
        try:
            return httpx.get(f"{url}/health").status_code == 200
        except httpx.TransportError:
            return False

    service.start()
    try:
        wait_until(answers, f"MLflow, see {service.log}", seconds=400)
        assert alias("champion") == "1"
        assert httpx.get(f"{url}/{API}/experiments/get", headers={"Host": "evil.example"}).status_code == 403
        with browser(tmp_path, url, {}) as page:
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
