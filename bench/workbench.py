"""What every benchmark is given: how large, where, and servers."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from bench.servers import Database, StockCluster, new_database, running
from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from headgate.settings import find_project_dir
from tests.support import system_binaries


class Workbench:
    """Servers start when they are first asked for, and end with the `with` block."""

    def __init__(
        self,
        *,
        full: bool,
        verbose: bool = False,
        rounds: int | None = None,
        server: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.full = full
        self.verbose = verbose
        #: Kept between runs: generated hours, dlt's environment.
        self.folder = folder or find_project_dir() / ".headgate" / "bench"
        #: How often the ways of a benchmark take turns.
        self.rounds = rounds or (5 if full else 1)
        #: The servers to measure on; targets are about the first.
        self.servers = [server] if server else _servers()[: None if full else 1]
        self._stack = contextlib.ExitStack()
        self._clusters: dict[str, Cluster] = {}

    def __enter__(self) -> Workbench:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scratch = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=self.folder))
        )
        # A server of another user reaches its data.
        self.scratch.chmod(0o755)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def database(self, name: str, server: str = "stock") -> Database:
        """An empty migrated database on `stock` (PostgreSQL of the system, untuned) or `embedded`."""
        if server not in self._clusters:
            home = self.scratch / server
            stock = system_binaries() if server == "stock" else None
            cluster = StockCluster(home, stock) if stock else Cluster(home, binaries())
            self._clusters[server] = self._stack.enter_context(running(cluster))
        return new_database(self._clusters[server], name, self.scratch / f"{server}-{name}")

    def label(self, server: str) -> str:
        """The server's name in the table."""
        return "PostgreSQL of the system, stock" if server == "stock" else "embedded PostgreSQL"

    def say(self, text: str) -> None:
        """One line about what goes on."""
        print(f"  {text}", file=sys.stderr, flush=True)


def _servers() -> list[str]:
    return ["stock", "embedded"] if system_binaries() else ["embedded"]


def seconds_of(way: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began
