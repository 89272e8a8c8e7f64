"""Environments for programs whose packages cannot live beside Headgate's; uv makes them on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from headgate import private
from headgate.errors import HeadgateError
from headgate.settings import Settings

#: Holds the lock that the environment was made of; written last.
MADE_OF = "made-of.txt"
#: Lines of uv's message that are told.
LINES = 8


def ready(settings: Settings, name: str, lock: Path) -> bool:
    """Whether the environment is there, made of this lock."""
    made_of = _folder(settings, name) / MADE_OF
    return made_of.is_file() and made_of.read_bytes() == lock.read_bytes()


def python(settings: Settings, name: str, lock: Path) -> Path:
    """The interpreter of an environment with what a lock names, hash by hash; made where it is not there.

    Raises:
        HeadgateError: there is no uv, or it could not install what the lock names.
    """
    folder = _folder(settings, name)
    interpreter = folder / "bin" / "python"
    if not ready(settings, name, lock):
        program = uv(settings)
        private.folder(folder.parent)
        # One that is half made, or of another lock, is made anew.
        shutil.rmtree(folder, ignore_errors=True)
        _run(name, program, "venv", "--python", sys.executable, str(folder))
        _run(name, program, "pip", "sync", "--require-hashes", "--python", str(interpreter), str(lock))
        (folder / MADE_OF).write_bytes(lock.read_bytes())
    return interpreter


def _folder(settings: Settings, name: str) -> Path:
    return settings.home / "environments" / name


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


def _run(name: str, *command: str) -> None:
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        said = "; ".join(done.stderr.split("\n")[:LINES]).strip()
        raise HeadgateError(
            f"environment {name}",
            expected="uv to make it",
            found=said or f"exit code {done.returncode}",
            next_step="correct what uv names; it needs the package index once",
        )
