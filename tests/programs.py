"""Runs the programs of this environment and looks at how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import forked
from tests.forked import ROOT
from tests.trial_servers import HOME

#: What is forked; see `tests.forked`.
PROGRAMS = {"headgate", "dbt"}


def clean_environment() -> dict[str, str]:
    """The environment without what would lead a child process to another database.

    dbt writes no log: at the level of its file, which nobody reads here, that takes it an eighth of its time.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "PG", "DBT_"))}
    return {**kept, "DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "160", "DBT_LOG_LEVEL_FILE": "none"}


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


def start(name: str, *arguments: str | Path, env: dict[str, str], **options: Any) -> subprocess.Popen[Any]:
    """Starts a program that starts no other one, forked: to be waited for, or killed."""
    return forked.Forked([program(name), *arguments], env=env, cwd=ROOT, **options)


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
    """Runs a program in a process of its own that need not import its libraries; see `tests/forker.py`."""
    with (
        Path(os.devnull).open() as nothing,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        files = [file.fileno() for file in (nothing, out, err)]
        call = forked.call(Path(os.environ[HOME]), command, files, env=env, cwd=cwd)
        code = call.wait(timeout)
        if code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(call.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout)
        said = [(file.seek(0), file.read())[1] for file in (out, err)]
    return subprocess.CompletedProcess(command, code, *said)
