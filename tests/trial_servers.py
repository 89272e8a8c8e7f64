"""The PostgreSQL servers of a run of tests: one of each kind for all processes, started when first needed.

Databases on them are throw-away, so nothing waits for the disk. A server that a test kills is its own, see
`tests.servers.killable_database`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from tests.forked import ALIVE, ROOT

#: The variable that tells the processes of a run where its folder is.
HOME = "HEADGATE_TESTS_HOME"
KINDS = ("embedded", "system")
PREFIX = "headgate-tests-"
MEMORY = Path("/dev/shm")
#: Free bytes from which on the servers' files are kept in memory.
ENOUGH = 6 * 1024**3
#: A crash of the machine may lose a test's data.
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB", "shared_buffers": "256MB"}


def system_binaries() -> Path | None:
    """PostgreSQL as Debian installs it: the oldest from 15 on, because it can do least."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted((int(path.parts[-3]), path.parent) for path in found if path.parts[-3].isdigit())
    return next((folder for version, folder in versions if version >= 15), None)


def cluster(home: Path, kind: str) -> Cluster | None:
    """The server of a kind for the run that keeps its things in `home`; None where this machine has none."""
    folder = binaries() if kind == "embedded" else system_binaries()
    return folder and Cluster(home / kind, folder, {**FAST, "max_connections": "300"})


@dataclass
class Home:
    """A folder for what the processes of one run share, in memory where there is much of it."""

    path: Path
    lock: IO[str]
    #: The writing end of a pipe that nobody writes to: who reads it learns that the run is over.
    alive: IO[bytes]
    #: Removes what is left when this process is killed.
    watcher: subprocess.Popen[bytes]

    @classmethod
    def make(cls) -> Home:
        """A new one; removes those that killed runs left behind."""
        below = _below()
        for left in below.glob(f"{PREFIX}*"):
            remove_if_left(left)
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=below))
        path.chmod(0o755)
        lock = _hold(path)
        os.mkfifo(path / ALIVE)
        alive = (path / ALIVE).open("r+b", buffering=0)
        return cls(path, lock, alive, _watch(path))

    def remove(self) -> None:
        """Stops the servers and what programs are forked from, and removes their files."""
        self.alive.close()
        _remove(self.path)
        self.lock.close()
        self.watcher.wait()


def _below() -> Path:
    """Memory if it has room, else the folder for temporary files."""
    with contextlib.suppress(OSError):
        found = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
        available = 1024 * int(found[1]) if found else 0
        if min(available, shutil.disk_usage(MEMORY).free) > ENOUGH:
            return MEMORY
    return Path(tempfile.gettempdir())


def _hold(path: Path) -> IO[str]:
    """Locks a folder for as long as this process lives; raises BlockingIOError where another one does."""
    handle = (path / "lock").open("w")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def remove_if_left(path: Path) -> None:
    """Removes the folder of a run that was killed, and stops its servers."""
    try:
        with _hold(path):
            _remove(path)
    except OSError:
        return


def _remove(path: Path) -> None:
    for kind in KINDS:
        found = cluster(path, kind)
        if found:
            found.stop()
    shutil.rmtree(path, ignore_errors=True)


def _watch(path: Path) -> subprocess.Popen[bytes]:
    """Starts what removes a run's folder when the run is over, in case that it was killed."""
    command = [sys.executable, "-m", __name__, str(path)]
    with (path / ALIVE).open("rb") as alive:
        return subprocess.Popen(command, cwd=ROOT, stdin=alive, start_new_session=True)


if __name__ == "__main__":
    sys.stdin.read()
    remove_if_left(Path(sys.argv[1]))
