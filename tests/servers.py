"""Servers and services that tests start, kill and start again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from headgate import postgres
from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from headgate.receiving.signature import sign
from headgate.settings import load_settings
from tests.support import PII_KEY, ROOT, Database, clean_environment, system_binaries

SECRET = "a secret for tests only"
#: A database on a server of its own; as long as other names, see `tests.parsed`.
ALONE = "trial_alone"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits until a condition holds; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not after {seconds:g} s"
        time.sleep(0.05)


@dataclass
class Service:
    """A program with a process group of its own."""

    command: list[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Starts it; what it says goes to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def signal(self, number: int) -> None:
        """Sends a signal to the first process."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kills every process of it, as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def is_running(self) -> bool:
        """Whether its first process lives."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Receiver(Service):
    """`headgate receive` on a port of its own."""

    port: int = 0

    @classmethod
    def of(cls, database: Database, processes: int = 2) -> Receiver:
        """A receiver for a database."""
        port = free_port()
        program = str(Path(sys.executable).with_name("headgate"))
        command = [program, "receive", "--port", str(port), "--processes", str(processes)]
        env = {**database.env, "HEADGATE_WEBHOOK_SECRET": SECRET}
        return cls(command, env, database.folder / "receiver.log", port=port)

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f"http://127.0.0.1:{self.port}/github"

    def wait_until_healthy(self) -> None:
        """Waits until a delivery would land."""
        wait_until(lambda: self.health() == 200, f"receiver healthy, see {self.log}")

    def health(self) -> int:
        """What /healthz answers; 0 when nobody does."""
        try:
            return httpx.get(self.url.replace("/github", "/healthz"), verify=False).status_code
        except httpx.TransportError:
            return 0

    def deliver(
        self, delivery: str, body: bytes, event: str = "push", **headers: str | None
    ) -> httpx.Response:
        """Sends a delivery as GitHub does; a header of None is left out."""
        sent = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": sign(SECRET, body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in sent.items() if value is not None}
        # Without TLS there is nothing to verify, and reading the certificates takes longer than all else.
        return httpx.post(self.url, content=body, headers=kept, timeout=30, verify=False)


@dataclass
class Nats(Service):
    """A NATS server with JetStream on disk."""

    url: str = ""

    @classmethod
    def below(cls, folder: Path) -> Nats:
        """A server that keeps its streams below a folder."""
        program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")
        if program is None:
            pytest.skip("no nats-server (apt-get install nats-server)")
        port = free_port()
        command = [program, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "jetstream")]
        return cls(command, dict(os.environ), folder / "nats.log", url=f"nats://127.0.0.1:{port}")


@contextlib.contextmanager
def killable_database(folder: Path) -> Iterator[tuple[Cluster, Database]]:
    """A migrated database on a server of its own, which a test may kill."""
    fast = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB"}
    cluster = Cluster(folder / "server", system_binaries() or binaries(), fast)
    cluster.home.mkdir()
    cluster.home.chmod(0o755)
    cluster.start()
    try:
        cluster.ensure_database(ALONE)
        dsn = cluster.uri(ALONE)
        postgres.migrate(dsn)
        own = {"HEADGATE_DSN": dsn, "HEADGATE_HOME": str(folder / "home"), "HEADGATE_PII_KEY": PII_KEY}
        settings = load_settings(own)
        env = {**clean_environment(), **own, **postgres.libpq_env(settings)}
        yield cluster, Database(dsn, settings, env, folder)
    finally:
        cluster.remove()


def kill_postgres(cluster: Cluster) -> None:
    """Kills the server and every session, as a power cut would."""
    assert cluster.pid is not None
    sessions = Path(f"/proc/{cluster.pid}/task/{cluster.pid}/children").read_text().split()
    for pid in (cluster.pid, *map(int, sessions)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not cluster.is_running(), "PostgreSQL dead")
