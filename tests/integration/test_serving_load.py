"""`headgate serve` while something breaks: no answer is missing from the log, and none stands there twice."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import four_models
from tests.served import BY_KEY, WHOLE, Asking, Served, deployed, landed, serving, shops, stepped
from tests.servers import killable_database, wait_until
from tests.support import Database

pytestmark = pytest.mark.costly
ON_ONE_SERVER = pytest.mark.parametrize("server", ["embedded"], indirect=True)


def test_postgresql_stopped_and_started(tmp_path: Path) -> None:
    """Meanwhile requests with features are answered, those by key get 503; the log misses nothing."""
    with killable_database(tmp_path) as (cluster, database):
        shops(database)
        deployed(database, four_models.package("lightgbm"), four_models.package("onnx"))
        with (
            serving(database) as served,
            Asking(served, BY_KEY, 2) as by_key,
            Asking(served, WHOLE, 2) as whole,
        ):
            # Several times: each ends the connections at another point of what they do.
            for _ in range(5):
                by_key.wait_for(20)
                cluster.stop()
                by_key.wait_for(3, status=503)
                whole.wait_for(20)
                assert served.client.get("/healthz").status_code == 200
                wait_until(lambda: served.client.get("/readyz").status_code == 503, "not ready")
                cluster.start()
            by_key.wait_for(20)
            wait_until(lambda: served.client.get("/readyz").status_code == 200, "ready again")
        assert set(by_key.statuses) == {200, 503}
        assert set(whole.statuses) == {200}
        assert by_key.lost + whole.lost == 0
        assert {"object", "expected", "found", "next_step"} == set(by_key.refusals[0]["error"])
        assert _ids(database) == sorted(by_key.ids + whole.ids)


@pytest.mark.slow
@ON_ONE_SERVER
def test_one_of_several_workers_is_killed_and_swaps_reach_all(database: Database) -> None:
    """Only what was being answered by the killed one is lost; another takes its place and swaps as well."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"))
    clients = 8
    with serving(database, "--workers", "2") as served:
        with Asking(served, BY_KEY, clients) as asking:
            asking.wait_for(100)
            wait_until(lambda: len(served.workers) == 2, "two workers")
            before = served.workers
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: len(served.workers) == 2 and served.workers != before, "another worker")
            asking.wait_for(100)
            stepped(database, "promote")
            wait_until(lambda: set(asking.versions.values()) == {2}, "all on version 2")
            stepped(database, "rollback")
            wait_until(lambda: set(asking.versions.values()) == {1}, "all on version 1")
            asking.wait_for(50)
        assert "headgate_ready" in served.client.get("/metrics").text
    found = _ids(database)
    assert set(asking.statuses) == {200}
    assert asking.lost <= clients
    assert len(found) == len(set(found))
    assert set(asking.ids) <= set(found)
    # The killed worker may have logged what it could not send any more.
    assert len(found) - len(asking.ids) <= asking.lost
    assert database.value("select coalesce(sum(rows_rejected), 0)::int from ops.loads") == 0


@ON_ONE_SERVER
def test_slow_clients_make_nobody_wait(database: Database) -> None:
    """Of 64 some send half a head and some half a body: others are answered, and the slow ones are let go."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    with (
        serving(database) as served,
        _slow_clients(served, 64) as slow,
        Asking(served, BY_KEY, 2) as asking,
    ):
        asking.wait_for(100)
        assert not any(_is_answered(client) for client in slow)
        wait_until(lambda: all(_is_answered(client) for client in slow), "slow clients let go")
        assert {client.recv(12)[-3:] for client in slow} == {b"408"}
    assert set(asking.statuses) == {200}
    assert asking.lost == 0


@contextmanager
def _slow_clients(served: Served, count: int) -> Iterator[list[socket.socket]]:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        clients = []
        for number in range(count):
            url = served.client.base_url
            client = socket.create_connection((url.host, url.port))
            stack.callback(client.close)
            half = head if number % 2 else head + b'Content-Length: 50\r\n\r\n{"key"'
            client.sendall(half)
            clients.append(client)
        yield clients


def _is_answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(12, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.setblocking(True)


@ON_ONE_SERVER
def test_sigterm_answers_what_was_accepted(database: Database) -> None:
    """Clients that ask all the time lose no request that was taken; every answer has landed at the end."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    with serving(database) as served, Asking(served, BY_KEY, 4) as asking:
        asking.wait_for(50)
        served.process.terminate()
        served.process.wait(60)
        assert served.process.returncode == 0
    assert set(asking.statuses) == {200}
    assert _ids(database) == sorted(asking.ids)


@ON_ONE_SERVER
def test_tls_is_passed_through(database: Database, tmp_path: Path) -> None:
    """With a certificate the server speaks HTTPS, and HTTPS alone."""
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    subprocess.run(
        [*made, *subject, "-out", str(certificate), "-keyout", str(key)], check=True, capture_output=True
    )
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    context = ssl.create_default_context(cafile=str(certificate))
    arguments = ("--tls-certificate", str(certificate), "--tls-key", str(key))
    with serving(database, *arguments, tls=context) as served:
        assert served.predict(BY_KEY).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(str(served.client.base_url.copy_with(scheme="http")), verify=False)


def _ids(database: Database) -> list[str]:
    return sorted(record["prediction_id"] for record in landed(database))
