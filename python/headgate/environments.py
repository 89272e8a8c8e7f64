"""Environments for programs whose packages cannot live beside Headgate's: made of a lock, on first use."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from headgate import private
from headgate.errors import HeadgateError
from headgate.settings import Settings

#: Holds the lock that the environment was made of; written last.
MADE_OF = "made-of.txt"
#: Lines of the installer's message that are told.
LINES = 8
SECONDS = 900


def is_ready(home: Path, name: str, lock: bytes) -> bool:
    """Whether the environment is there, made of this lock."""
    made_of = _folder(home, name) / MADE_OF
    return made_of.is_file() and made_of.read_bytes() == lock


def python(home: Path, name: str, lock: bytes, *, of: str, uv: str | None = None) -> Path:
    """The interpreter of an environment with what a lock names, hash by hash; made where it is not there.

    Args:
        home: environments are kept in its folder `environments`.
        name: of the environment; one that was made of another lock is made anew.
        lock: a requirements file with hashes.
        of: whose environment it is, for messages.
        uv: the program that makes it; by default that on the PATH, or venv and pip, which take longer.

    Raises:
        HeadgateError: what the lock names could not be installed.
    """
    folder = _folder(home, name)
    interpreter = folder / "bin" / "python"
    if not is_ready(home, name, lock):
        private.folder(folder.parent)
        with _alone(folder.parent):
            # Another process may have made it while this one waited.
            if not is_ready(home, name, lock):
                _make(folder, interpreter, lock, of, uv or shutil.which("uv"))
    return interpreter


def uv(settings: Settings) -> str:
    """The uv on the path, or the one that `make setup` fetched."""
    fetched = settings.project_dir / ".headgate" / "tools" / "bin" / "uv"
    found = shutil.which("uv") or (str(fetched) if fetched.is_file() else None)
    if found is None:
        raise HeadgateError(
            "uv",
            expected="it on the PATH",
            found="no such program",
            next_step="run `make setup`, or install uv",
        )
    return found


def _folder(home: Path, name: str) -> Path:
    return home / "environments" / name


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits for other processes that make an environment in the folder; ends with the process."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _make(folder: Path, interpreter: Path, lock: bytes, of: str, uv: str | None) -> None:
    """In its place, for programs in it name it; one that was half made, or of another lock, goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    requirements = folder / "requirements.lock"
    names_any = any(line.strip() and not line.lstrip().startswith(b"#") for line in lock.splitlines())
    if uv:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(interpreter)]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r"]
    _run(of, make)
    requirements.write_bytes(lock)
    if names_any:
        _run(of, [*install, str(requirements)])
    (folder / MADE_OF).write_bytes(lock)


def _run(of: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        found = f"nothing after {SECONDS} seconds"
    else:
        if done.returncode == 0:
            return
        said = "; ".join(line.strip() for line in done.stderr.strip().splitlines()[:LINES])
        found = said or f"exit code {done.returncode}"
    raise HeadgateError(
        f"environment of {of}",
        expected="the packages of its lock to be installed",
        found=found,
        next_step="check that the lock has hashes and that the package index answers; then start again",
    )
