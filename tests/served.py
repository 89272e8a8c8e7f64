"""A running `headgate serve` of the shop's model, and clients that ask it without a pause."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from headgate.model import versions
from headgate.model.deployment import steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.package import Package
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database
from tests.servers import wait_until
from tests.small_store import SmallStore, at
from tests.support import Database

NAME = "will_ship"
WHOLE = {"inputs": {"size": 80, "kind": "small"}, "features": {"shop__orders_7d": 3}}
BY_KEY = {"key": {"shop_id": 1}, "inputs": {"size": 80, "kind": "small"}}


def shops(database: Database) -> SmallStore:
    """A store whose release 1 knows shop 1."""
    store = SmallStore(database)
    store.land()
    store.view("shop", {"shop_id": "bigint"}, {"orders_7d": "bigint"})
    store.rows("shop", [{"shop_id": 1, "as_of": at(1), "orders_7d": 3}])
    store.publish()
    return store


def deployed(database: Database, *packages: Package, share: float = 0.0) -> None:
    """Registers packages; the first is champion, the second its challenger."""

    async def work(connection: Connection) -> None:
        for package in packages:
            made = await versions.add(connection, package, passed=True)
            await steps.register(connection, NAME, made.version, "test")
            await steps.deploy(connection, NAME, made.version, share, "test", {}, asked=NO_APPROVAL)

    in_database(database, work)


def stepped(database: Database, step: str) -> None:
    """Promotes version 2, or rolls back."""
    if step == "promote":
        in_database(
            database,
            lambda connection: steps.promote(
                connection, NAME, 2, "test", verdict=None, forced=True, asked=NO_APPROVAL
            ),
        )
    else:
        in_database(database, lambda connection: steps.roll_back(connection, NAME, None, "test"))


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, tls: ssl.SSLContext | None) -> None:
        self.process = process
        self.client = httpx.Client(base_url=url, timeout=30, verify=tls or False)

    @property
    def workers(self) -> list[int]:
        """The worker processes of a server with several."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if _is_worker(child)]

    def predict(self, body: Any, **more: Any) -> httpx.Response:
        """What it answers."""
        return self.client.post("/predict", json=body, **more)


@contextmanager
def serving(database: Database, *arguments: str, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """`headgate serve`, ready; ended by SIGTERM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, **database.env}
    code = "from headgate.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", NAME, "--port", str(port), *arguments], env=env
    )
    served = Served(process, f"{'https' if tls else 'http'}://127.0.0.1:{port}", tls)
    try:
        until = time.monotonic() + 60
        while not is_ready(served):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield served
    finally:
        served.client.close()
        process.terminate()
        process.wait(30)


def is_ready(served: Served) -> bool:
    """Whether /readyz says so."""
    try:
        return served.client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def landed(database: Database) -> list[dict[str, Any]]:
    """The records of the log in PostgreSQL."""
    if not database.value("select to_regclass('staging_predictions.answers') is not null"):
        return []
    return [
        json.loads(row[0]) for row in database.query("select record::text from staging_predictions.answers")
    ]


def _is_worker(pid: str) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Asking:
    """Clients that ask, each on a connection of its own, until the `with` block ends."""

    def __init__(self, served: Served, body: Any, clients: int) -> None:
        self._url = str(served.client.base_url)
        self._body = body
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        self.statuses: Counter[int] = Counter()
        #: Of what was answered with 200.
        self.ids: list[str] = []
        #: By client, the version that answered last.
        self.versions: dict[int, int] = {}
        #: Bodies of other answers.
        self.refusals: list[dict[str, Any]] = []
        #: Requests whose connection ended without an answer.
        self.lost = 0

    def wait_for(self, more: int, status: int = 200) -> None:
        """Waits for so many more answers."""
        until = self.statuses[status] + more
        wait_until(lambda: self.statuses[status] >= until, f"{more} answers {status}")

    def _ask(self, number: int) -> None:
        client = httpx.Client(base_url=self._url, timeout=60, verify=False)
        while not self._is_over.is_set():
            try:
                answer = client.post("/predict", json=self._body)
            except httpx.TransportError:
                self.lost += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                found = answer.json()
                self.ids.append(found["prediction_id"])
                self.versions[number] = found["version"]
            self.statuses[answer.status_code] += 1
            if answer.status_code != 200:
                self.refusals.append(answer.json())

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
