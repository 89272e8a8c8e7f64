"""`headgate serve`: answers, refusals, swaps, and a log that misses nothing and holds nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from headgate import postgres
from headgate.errors import UsageError
from headgate.model import versions
from headgate.model.deployment import steps
from headgate.model.package import Package
from headgate.postgres.connection import Connection
from headgate.serving import keys
from headgate.serving.serve import require_deployed
from tests import four_models
from tests.integration.test_models import in_database
from tests.small_store import SmallStore, at
from tests.support import Database

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]
NAME = "will_ship"
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
            await steps.deploy(connection, NAME, made.version, share, "test", {})

    in_database(database, work)


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.client = httpx.Client(base_url=url, timeout=30)

    def predict(self, body: Any, **more: Any) -> httpx.Response:
        """What it answers."""
        return self.client.post("/predict", json=body, **more)


@contextmanager
def serving(database: Database, *arguments: str) -> Iterator[Served]:
    """`headgate serve`, ready; ended by SIGTERM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, **database.env}
    code = "from headgate.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", NAME, "--port", str(port), *arguments], env=env
    )
    served = Served(process, f"http://127.0.0.1:{port}")
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


def test_by_key_with_features_in_batches_and_explained(database: Database) -> None:
    """Every answer names version, release, as_of; an unknown shop is told; all of it lands once."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("sklearn"))
    with serving(database) as served:
        one = served.predict(BY_KEY).json()
        assert (one["status"], one["version"], one["release"], one["role"]) == ("answered", 1, 1, "champion")
        assert set(one["as_of"]) == {"shop"}
        full = {"inputs": BY_KEY["inputs"], "features": {"shop__orders_7d": 3}}
        assert served.predict(full).json()["score"] == one["score"]
        unknown = served.predict({**BY_KEY, "key": {"shop_id": 77}}).json()
        assert (unknown["missing_views"], unknown["status"]) == (["shop"], "answered")
        batch = served.predict({"instances": [BY_KEY, full, BY_KEY], "explain": True}).json()["predictions"]
        assert [found["score"] for found in batch] == [one["score"]] * 3
        assert set(batch[0]["contributions"]) == {"base", *four_models.NAMES}
        features = served.client.post("/features", json={"key": {"shop_id": 1}}).json()
        assert features["features"] == {"shop": {"orders_7d": 3}}
        assert served.client.get("/model").json()["challenger"] == 2
        assert "headgate_predictions_total" in served.client.get("/metrics").text
        assert served.client.get("/openapi.json").json()["openapi"] == "3.1.0"
    ids = [one["prediction_id"], unknown["prediction_id"], *(found["prediction_id"] for found in batch)]
    records = landed(database)
    assert len(records) == 6 == len({record["prediction_id"] for record in records})
    assert set(ids) < {record["prediction_id"] for record in records}
    assert all(record["shadow"]["version"] == 2 and record["shadow"]["score"] for record in records)
    assert {record["key"] for record in records if record["release_id"]} >= {"1", "77"}


REFUSED = [
    ({"inputs": {"size": 80, "kind": "small"}}, 422, "key"),
    ({**BY_KEY, "inputs": {"size": "80", "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 80.5, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": True, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 2**63, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 80, "kind": "small", "colour": 1}}, 422, "inputs"),
    ({**BY_KEY, "key": {"shop_id": None}}, 422, "key, shop_id"),
    ({**BY_KEY, "key": [1]}, 422, "key"),
    ({**BY_KEY, "more": 1}, 422, "request"),
    ({"instances": []}, 422, "instances"),
    ({"instances": [BY_KEY] * 21, "explain": True}, 422, "explain"),
    ([1], 422, "request"),
    (b'{"inputs": {"size": NaN}}', 400, "body"),
    (b"{", 400, "body"),
    (b"\xff", 400, "body"),
    (b"[" * 2000, 400, "body"),
    (b" " * (2 << 20), 413, "body"),
]


def test_what_does_not_fit_is_refused_with_its_reason(database: Database) -> None:
    """By name and kind, never with the value; the server goes on, and nothing of it is in the log."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    with serving(database) as served:
        for body, status, subject in REFUSED:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = served.client.post(
                "/predict", content=content, headers={"content-type": "application/json"}
            )
            assert answer.status_code == status, (body, answer.text)
            assert answer.json()["error"]["object"].endswith(subject)
        assert served.client.post("/predict", content=b"{}").status_code == 415
        assert served.client.get("/nowhere").status_code == 404
        assert served.predict(BY_KEY).status_code == 200
    assert len(landed(database)) == 1


def test_keys_are_asked_for_by_scope(database: Database) -> None:
    """None, a wrong one, one of another scope, the right one, a revoked one."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))

    async def made(connection: Connection) -> tuple[str, str]:
        both = await keys.add(connection, "a", ["predict"]), await keys.add(connection, "b", ["metrics"])
        with pytest.raises(UsageError, match="a name that no key had"):
            await keys.add(connection, "a", ["predict"])
        return both

    right, other = in_database(database, made)
    with serving(database, "--require-key", "--rate", "1000") as served:

        def status(key: str | None) -> int:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            return served.predict(BY_KEY, headers=headers).status_code

        assert [status(key) for key in (None, "wrong", other, right)] == [401, 401, 403, 200]
        in_database(database, lambda connection: keys.revoke(connection, "a"))
        until = time.monotonic() + 20
        while status(right) != 401:
            assert time.monotonic() < until
            time.sleep(0.2)


def test_a_killed_worker_loses_no_answer_and_none_lands_twice(database: Database) -> None:
    """By kill -9, with answers on disk only: the next server lands them."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"), share=0.5)
    answered = []
    with serving(database) as served:
        for shop in range(200):
            answer = served.predict({**BY_KEY, "key": {"shop_id": shop}})
            answered.append(answer.json()["prediction_id"])
        served.process.send_signal(signal.SIGKILL)
    with serving(database) as served:
        answered.append(served.predict(BY_KEY).json()["prediction_id"])
    records = landed(database)
    assert sorted(answered) == sorted(record["prediction_id"] for record in records)
    roles = {record["key"]: record["role"] for record in records}
    assert 60 < sum(role == "challenger" for role in roles.values()) < 140


def test_a_swap_loses_no_request(database: Database) -> None:
    """A promotion and a rollback while requests come: each is answered, by one version or the other."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"))

    async def moved(connection: Connection) -> None:
        await steps.promote(connection, NAME, 2, "test", verdict=None, forced=True)
        await asyncio.sleep(1)
        await steps.roll_back(connection, NAME, None, "test")

    with serving(database) as served, httpx.Client(base_url=served.client.base_url) as client:
        seen = []

        async def both() -> None:
            async def ask() -> None:
                until = time.monotonic() + 3
                while time.monotonic() < until:
                    found = await asyncio.to_thread(client.post, "/predict", json=BY_KEY)
                    assert found.status_code == 200
                    seen.append(found.json()["version"])

            async def step() -> None:
                connection = await postgres.connect(database.settings)
                try:
                    await moved(connection)
                finally:
                    await connection.close()

            await asyncio.gather(ask(), step())

        asyncio.run(both())
    assert seen[0] in (1, 2)
    assert set(seen) == {1, 2}
    assert seen[-1] == 1
    assert len(landed(database)) == len(seen)


def test_what_is_not_deployed_or_does_not_fit_is_not_served(database: Database) -> None:
    """The command ends with the reason before it opens a port."""
    shops(database)
    package = four_models.package("lightgbm")
    in_database(database, lambda connection: versions.add(connection, package, passed=True))
    with pytest.raises(UsageError, match="expected a deployed version"):
        asyncio.run(require_deployed(database.settings, NAME))
