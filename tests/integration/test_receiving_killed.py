"""Deliveries while the receiver and PostgreSQL are killed: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import SECRET, Receiver, kill_postgres, killable_database, wait_until
from tests.support import ROOT, Database, clean_environment

#: HEADGATE_TEST_KILLS=10 kills ten times; the suite does with three.
KILLS = int(os.environ.get("HEADGATE_TEST_KILLS", "3"))
#: How many more deliveries land until something is killed, at least and at most.
BETWEEN = (150, 1500)
CLIENTS = 3


def clients(receiver: Receiver, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Processes that send each delivery until it is acknowledged; told to end, they write down which were."""
    return [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "bench.webhook_load", "--port", str(receiver.port)),
                *(
                    "--secret",
                    SECRET,
                    "--connections",
                    "8",
                    "--seconds",
                    "3600",
                    "--name",
                    f"c{number}",
                ),
                *("--acknowledged", str(folder / f"acknowledged-{number}")),
            ],
            cwd=ROOT,
            env=clean_environment(),
            stdout=(folder / f"client-{number}").open("wb"),
        )
        for number in range(CLIENTS)
    ]


@pytest.mark.slow
def test_what_was_acknowledged_is_landed_once(tmp_path: Path) -> None:
    """Receiver and PostgreSQL die at random moments under load from several processes."""
    chance = random.Random(4)
    with killable_database(tmp_path) as (cluster, database):
        receiver = Receiver.of(database)
        receiver.start()
        receiver.wait_until_healthy()
        running = clients(receiver, tmp_path)
        try:
            for number in range(KILLS):
                wait_for_more(database, chance.randint(*BETWEEN))
                if number % 2 == 0:
                    kill_postgres(cluster)
                if number % 2 == 1 or number % 3 == 2:
                    receiver.kill()
                    receiver.start()
                cluster.start()
                receiver.wait_until_healthy()
            wait_for_more(database, BETWEEN[0])
            for client in running:
                client.terminate()
            for client in running:
                assert client.wait(60) == 0
        finally:
            for client in running:
                client.kill()
            receiver.kill()
        check(database, tmp_path)


def wait_for_more(database: Database, count: int) -> None:
    """Waits until so many deliveries more have landed."""
    landed = "select count(*) from staging_github_webhooks.deliveries"
    enough = database.value(landed) + count
    wait_until(lambda: database.value(landed) >= enough, f"{count} deliveries more", 300)


def check(database: Database, folder: Path) -> None:
    """No acknowledged delivery is missing, none is there twice, and the ledger agrees."""
    acknowledged = [
        f"webhook:{line}" for file in folder.glob("acknowledged-*") for line in file.read_text().splitlines()
    ]
    rows = [row for (row,) in database.query("select record_id from staging_github_webhooks.deliveries")]
    assert len(acknowledged) > 100 * KILLS, (folder / "client-0").read_text()
    assert len(rows) == len(set(rows))
    assert set(acknowledged) <= set(rows)
    # Beyond these only deliveries whose answer was lost on the way: one for each connection and kill at most.
    assert len(rows) - len(acknowledged) <= CLIENTS * 8 * (KILLS + 1)
    assert database.value("select sum(rows_landed) from ops.loads") == len(rows)
    assert database.value("select count(*) from ops.rejects") == 0
    print(f"{KILLS} kills: {len(acknowledged)} deliveries acknowledged, {len(rows)} landed, each once")


@pytest.mark.costly
def test_deliveries_wait_for_postgresql_and_are_refused_when_it_takes_too_long(tmp_path: Path) -> None:
    """When it is away for too long the answer is 503 and when to come again; when it is back, all is well."""
    with killable_database(tmp_path) as (cluster, database):
        receiver = Receiver.of(database, processes=1)
        receiver.start()
        try:
            receiver.wait_until_healthy()
            assert receiver.deliver("d-1", b"{}", event="ping").status_code == 200
            kill_postgres(cluster)
            began = time.monotonic()
            answer = receiver.deliver("d-2", b"{}", event="ping")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            # As long as the receiver waits for PostgreSQL, and no shorter.
            assert time.monotonic() - began > 5
            assert receiver.health() == 503
            cluster.start()
            wait_until(lambda: receiver.health() == 200, "healthy again")
            assert receiver.deliver("d-2", b"{}", event="ping").status_code == 200
        finally:
            receiver.kill()
        landed = "select record_id from staging_github_webhooks.deliveries order by 1"
        assert database.query(landed) == [("webhook:d-1",), ("webhook:d-2",)]


@pytest.mark.costly
def test_large_bodies_do_not_fill_the_memory(tmp_path: Path) -> None:
    """While PostgreSQL is away, bodies beyond what may be held are refused at once, the rest waits."""
    body = b'{"a":"' + b"x" * (24 << 20) + b'"}'
    with killable_database(tmp_path) as (cluster, database):
        receiver = Receiver.of(database, processes=1)
        receiver.start()
        try:
            receiver.wait_until_healthy()
            kill_postgres(cluster)
            with ThreadPoolExecutor(14) as clients:
                sent = [
                    clients.submit(receiver.deliver, f"d-{number}", body, event="ping")
                    for number in range(14)
                ]
                answers = [answer.result() for answer in sent]
        finally:
            receiver.kill()
        assert {answer.status_code for answer in answers} == {503}
        reasons = [answer.json()["error"] for answer in answers]
        assert "too many deliveries wait to be written" in reasons
        assert "the delivery could not be written in time" in reasons


def test_a_receiver_without_its_supervisor_frees_the_port(database: Database) -> None:
    """When the first process is killed, its workers end by themselves: another receiver can start there."""
    receiver = Receiver.of(database)
    receiver.start()
    try:
        receiver.wait_until_healthy()
        assert receiver.process is not None
        receiver.process.kill()
        receiver.process.wait()
        wait_until(lambda: receiver.health() == 0, "nobody listens")
    finally:
        receiver.kill()
