"""Environments of pyfunc models that bring a lock of their own: made once, kept by the lock's hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headgate.errors import HeadgateError, UsageError
from headgate.model.package import Package, sha256

SECONDS = 900


def python_of(package: Package, lock: str | None, home: Path | None) -> str:
    """The Python that runs a model: the server's own, or one with what the model's lock names.

    Args:
        package: the model.
        lock: a requirements file with hashes, in the package; None: the server's packages are enough.
        home: environments are kept in its folder `environments`; None: in the user's cache.

    Raises:
        UsageError: the package has no such file.
        HeadgateError: the environment could not be made.
    """
    if lock is None:
        return sys.executable
    if lock not in package.files:
        raise UsageError(
            f"model {package.name}, lock {lock}",
            expected="a file of the package",
            found=", ".join(sorted(package.files)),
            next_step="add it, or name none to run with the server's own packages",
        )
    content = package.files[lock]
    folder = (home or Path.home() / ".cache" / "headgate") / "environments" / sha256(content)[:16]
    if not folder.exists():
        _make(package.name, content, folder)
    return str(folder / "bin" / "python")


def _make(model: str, lock: bytes, folder: Path) -> None:
    """Makes an environment beside its place, then moves it there: none is ever half done.

    Another process that made the same meanwhile wins.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix="draft_"))
    try:
        requirements = draft / "requirements.lock"
        requirements.write_bytes(lock)
        _run(model, [sys.executable, "-m", "venv", str(draft)])
        if any(line.strip() and not line.lstrip().startswith(b"#") for line in lock.splitlines()):
            install = ["-m", "pip", "install", "--require-hashes", "--no-deps", "-r", str(requirements)]
            _run(model, [str(draft / "bin" / "python"), *install])
        try:
            os.rename(draft, folder)  # noqa: PTH104 - fails where Path.rename might replace
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run(model: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise HeadgateError(
            f"environment of model {model}",
            expected="the packages of its lock to be installed",
            found=(done.stderr.strip().splitlines() or ["no message"])[-1],
            next_step="check that the lock has hashes and that the package index answers; then start again",
        )
