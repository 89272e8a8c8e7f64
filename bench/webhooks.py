"""The webhook receiver under load: durable deliveries a second, and how long one takes at half that rate.

The receiver, PostgreSQL and the clients share the machine's cores; fsync is on. Each delivery is a push with
names and addresses, which privacy replaces.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.servers import Database
from bench.workbench import Workbench
from headgate.settings import find_project_dir

SECRET = "a secret for benchmarks only"
BODY_BYTES = 4096
CLIENTS = 2
CONNECTIONS = 32
AT_LEAST_PER_SECOND = 2_000
AT_MOST_MS = 50


def run(bench: Workbench) -> Iterator[Figure]:
    """As fast as it goes, then at half the target's rate."""
    seconds = 8.0 if bench.full else 1.5
    for server in bench.servers:
        is_first = server == bench.servers[0]
        database = bench.database("webhooks", server)
        label = bench.label(server)
        _write_segments(database)
        with receiver(database) as port:
            _load(port, seconds=1)
            fastest = [_load(port, seconds=seconds) for _ in range(bench.rounds)]
            rate = AT_LEAST_PER_SECOND / 2 if bench.full else 100
            steady = [_load(port, seconds=seconds, rate=rate) for _ in range(bench.rounds)]
        yield Figure.rate(
            f"webhooks, 4 KB, durable, {label}",
            statistics.median(found["per_second"] for found in fastest),
            AT_LEAST_PER_SECOND if is_first else None,
            "deliveries/s",
        )
        for share, at_most in (("p50", None), ("p99", AT_MOST_MS if is_first else None)):
            took = statistics.median(found[share] for found in steady) * 1000
            name = f"webhooks, 4 KB, {rate:,.0f} a second, {label}: {share}"
            yield Figure.amount(name, "ms", took, at_most)


def _write_segments(database: Database) -> None:
    """Leaves the server segments of WAL to use again, as one has that runs for longer than a minute.

    A new server fills each with zeros first, and everybody waits meanwhile.
    """
    database.execute("create table filler (number integer)")
    for _ in range(2):
        for _ in range(40):
            database.execute("insert into filler values (1)", "select pg_switch_wal()")
        database.execute("checkpoint")


@contextlib.contextmanager
def receiver(database: Database) -> Iterator[int]:
    """A receiver with a process per core; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = str(Path(sys.executable).with_name("headgate"))
    command = [program, "receive", "--port", str(port), "--processes", str(os.cpu_count() or 1)]
    env = {**database.env, "HEADGATE_WEBHOOK_SECRET": SECRET}
    with (database.folder / "receiver.log").open("ab") as log:
        running = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _is_healthy(port):
            if time.monotonic() > deadline or running.poll() is not None:
                raise RuntimeError(
                    f"the receiver did not start: {(database.folder / 'receiver.log').read_text()}"
                )
            time.sleep(0.1)
        # The processes start one after the other, and one answers for all.
        time.sleep(2)
        yield port
    finally:
        running.terminate()
        running.wait(60)


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _load(port: int, *, seconds: float, rate: float = 0) -> dict[str, Any]:
    """What all clients saw together; p50 and p99 are those of the slowest."""
    command = [
        *(sys.executable, "-m", "bench.webhook_load", "--port", str(port), "--secret", SECRET),
        *("--connections", str(CONNECTIONS), "--seconds", str(seconds), "--size", str(BODY_BYTES)),
        *("--rate", str(rate / CLIENTS)),
    ]
    clients = [
        subprocess.Popen(
            [*command, "--name", f"{time.time_ns()}-{number}"], cwd=find_project_dir(), stdout=subprocess.PIPE
        )
        for number in range(CLIENTS)
    ]
    found = [json.loads(client.communicate()[0]) for client in clients]
    refused = sum(count for one in found for status, count in one["answers"].items() if status != "200")
    if refused:
        raise RuntimeError(f"{refused} deliveries were refused")
    return {
        "per_second": sum(one["per_second"] for one in found),
        **{share: max(one[share] for one in found) for share in ("p50", "p99")},
    }
