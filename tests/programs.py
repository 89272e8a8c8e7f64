"""Runs the programs of this environment and looks at how they end."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.forker import PROGRAMS

ROOT = Path(__file__).resolve().parents[1]
FORKER = ROOT / "tests" / "forker.py"


def clean_environment() -> dict[str, str]:
    """The environment without what would lead a child process to another database."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "PG", "DBT_"))}
    return {**kept, "DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "160"}


def run(
    program: str | Path,
    *arguments: str | Path,
    env: dict[str, str],
    exit_code: int = 0,
    timeout: float = 1500,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Runs a program of this environment; fails with its whole output when it exits with another code."""
    command = [str(program), *map(str, arguments)]
    start = fork if program in PROGRAMS else execute
    done = start(command, env, cwd, timeout)
    assert done.returncode == exit_code, (
        f"{program} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done


def run_headgate(
    *arguments: str | Path, env: dict[str, str], exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs the `headgate` command of this environment."""
    return run("headgate", *arguments, env=env, exit_code=exit_code)


def program(name: str) -> Path:
    """A program of this environment, for those who start it themselves."""
    return Path(sys.executable).with_name(name)


def execute(
    command: list[str], env: dict[str, str], cwd: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Runs a program as a shell does."""
    return subprocess.run(
        [program(command[0]), *command[1:]],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def fork(
    command: list[str], env: dict[str, str], cwd: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own that need not import its libraries; see `tests.forker`."""
    request = {"program": command[0], "arguments": command[1:], "env": env, "cwd": str(cwd)}
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        connection.connect(forker())
        text = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(connection, [text], [out.fileno(), err.fileno()])
        connection.sendall(text[sent:])
        code = _wait(connection, command, timeout)
        said = [(file.seek(0), file.read())[1] for file in (out, err)]
    return subprocess.CompletedProcess(command, code, *said)


def _wait(connection: socket.socket, command: list[str], timeout: float) -> int:
    """The exit code of a call; kills what takes too long."""
    with connection.makefile() as answers:
        pid = int(answers.readline())
        connection.settimeout(timeout)
        try:
            return int(answers.readline())
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout) from None


@functools.cache
def forker() -> str:
    """Where the process listens from which programs are forked; it ends with this one."""
    folder = tempfile.mkdtemp(prefix="forker-")
    address = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, FORKER, program("python").parent, address],
        env={**clean_environment(), "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.stdin.close)
    return address
