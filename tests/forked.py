"""Asks the process of `tests/forker.py` for programs, and starts it when it is first needed.

It stands alone: the forker imports it too, so that what its programs start comes from it as well.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parents[1]
#: A named pipe in the folder of a run: who reads it sees its end when the run is over.
ALIVE = "alive"
#: The two forkers: the second one has imported what Mage needs, too.
DBT, MAGE = "forker", "mage-forker"
#: The connection for which the project is parsed; nobody listens there, and nobody has to.
NOWHERE = {"PGHOST": "/nowhere", "PGPORT": "5432", "PGUSER": "postgres", "PGDATABASE": "trial_00000"}
BYTES = 65_536
#: Until a caller has said what it wants.
SECONDS_TO_SAY = 10.0


@dataclass
class Call:
    """A program that runs."""

    connection: socket.socket
    pid: int

    def wait(self, seconds: float | None = None) -> int | None:
        """Its exit code, as `subprocess` tells it; None while it runs, after so many seconds."""
        if not select.select([self.connection], [], [], seconds)[0]:
            return None
        said = _line(self.connection)
        self.connection.close()
        # Without an answer whoever waited for it was killed.
        return int(said or -9)


def call(
    folder: Path,
    words: list[str],
    files: list[int],
    *,
    env: dict[str, str],
    cwd: Path | str,
    forker: str = DBT,
    session: bool = False,
) -> Call:
    """Starts a program with files for its input, output and errors."""
    request = {"words": words, "env": env, "cwd": str(cwd), "session": session}
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(started(folder, forker))
    text = json.dumps(request).encode() + b"\n"
    sent = socket.send_fds(connection, [text], files)
    connection.sendall(text[sent:])
    return Call(connection, int(_line(connection)))


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The other side of a call: the request, and the descriptors that came with its first bytes.

    Raises:
        EOFError, TimeoutError: the caller ended before it had said what it wants.
    """
    connection.settimeout(SECONDS_TO_SAY)
    text, files, _, _ = socket.recv_fds(connection, BYTES, 3)
    while not text.endswith(b"\n"):
        more = connection.recv(BYTES)
        if not more:
            raise EOFError
        text += more
    connection.settimeout(None)
    return json.loads(text), files


def address(folder: Path, forker: str) -> str:
    """Where a forker listens."""
    return str(folder / f"{forker}.socket")


def started(folder: Path, forker: str) -> str:
    """The address of a forker, that one of all who ask at once starts."""
    found = address(folder, forker)
    if not Path(found).exists():
        with (folder / f"{forker}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not Path(found).exists():
                reading, writing = os.pipe()
                _start(folder, forker, writing)
                os.close(writing)
                assert os.read(reading, 5) == b"ready", (
                    "the process from which programs are forked did not start"
                )
                os.close(reading)
    return found


def folders(target: Path) -> list[str]:
    """Dbt's options for the folders of what is parsed for all."""
    profiles = target / "profiles"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / "profiles.yml").write_bytes((ROOT / "profiles.example.yml").read_bytes())
    options = {
        "--project-dir": ROOT,
        "--profiles-dir": profiles,
        "--target-path": target,
        "--log-path": target,
    }
    return [str(word) for option in options.items() for word in option]


def _line(connection: socket.socket) -> str:
    """A line of an answer; empty at its end."""
    text = b""
    while not text.endswith(b"\n") and (byte := connection.recv(1)):
        text += byte
    return text.decode()


def _start(folder: Path, forker: str, ready: int) -> None:
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADGATE_", "PG", "DBT_"))
    }
    env |= {"OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
    with (folder / ALIVE).open("rb") as alive, Path(os.devnull).open("r+b") as nothing:
        if forker == MAGE:
            files = [alive.fileno(), ready, nothing.fileno()]
            call(folder, [MAGE, address(folder, MAGE)], files, env=env, cwd=ROOT, session=True)
            return
        command = [sys.executable, str(ROOT / "tests" / "forker.py"), str(folder)]
        process = _execute(command, env=env, cwd=ROOT, stdin=alive, stdout=ready, start_new_session=True)
        process.returncode = 0  # nobody waits for it: it ends with the run


_execute = subprocess.Popen


class Forking(subprocess.Popen[Any]):
    """`subprocess.Popen` that forks what is prepared; everything else it starts as ever."""

    folder: ClassVar[Path]
    landing_only: ClassVar[bool]
    called: Call | None = None

    def _execute_child(self, args: Any, *rest: Any) -> None:
        words, forker = _prepared(args)
        if not words or (self.landing_only and words[0] != "-c"):
            super()._execute_child(args, *rest)  # type: ignore[misc]
            return
        (cwd, env), pipes, session = rest[4:6], rest[9:15], rest[-2]
        own = (pipes[0], pipes[3], pipes[5])
        files = [number if file == -1 else file for number, file in enumerate(own)]
        env = dict(os.environ if env is None else env)
        cwd = cwd or Path.cwd()
        self.called = call(self.folder, words, files, env=env, cwd=cwd, forker=forker, session=session)
        self.pid = self.called.pid
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *rest: Any, **more: Any) -> int | None:
        if self.called is None:
            return super()._internal_poll(*rest, **more)  # type: ignore[misc,no-any-return]
        if self.returncode is None:
            self.returncode = self.called.wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.called is None:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        if self.returncode is None:
            self.returncode = self.called.wait(timeout)
        if self.returncode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode


class Forked(Forking):
    """The same, whatever this process has replaced."""

    landing_only = False


def replace_popen(folder: Path, *, landing_only: bool = False) -> None:
    """From now on this process forks what is prepared in a run's folder, or the workers of landing only."""
    Forking.folder, Forking.landing_only = folder, landing_only
    subprocess.Popen = Forking  # type: ignore[misc]


def _prepared(command: Any) -> tuple[list[str], str]:
    """The words of a command that a forker runs, and which one does; none for any other command."""
    words = [str(word) for word in command] if isinstance(command, list | tuple) else [""]
    program = Path(words[0])
    if words[0] == sys.executable:
        option, what = [*words[1:3], "", ""][:2]
        if (option, what) == ("-m", "headgate.planning.compiled") or "headgate.landing.worker" in what:
            return words[1:], DBT
        if option == "-u" and what.endswith("run_pipeline.py"):
            return words[1:], MAGE
    elif program.name in {"headgate", "dbt"} and program.parent == Path(sys.executable).parent:
        return [program.name, *words[1:]], DBT
    return [], DBT
