"""Environments of their own for what benchmarks compare with: installed when first asked for, then kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.workbench import Workbench
from headgate.settings import find_project_dir


def _kept() -> Path:
    return find_project_dir() / ".headgate" / "bench"


def python_with(bench: Workbench, name: str, requirements: tuple[str, ...]) -> Path | None:
    """The Python of an environment that has the requirements; None, and a word about it, when there is none.

    In the small size nothing is installed: what an earlier run left is used.
    """
    folder = _kept() / name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    if not bench.full:
        bench.say(f"{name}: skipped, not installed; the full size installs it")
        return None
    bench.say(f"installing {' and '.join(requirements)} into an environment of their own")
    # `uv run` says where it is; make puts it into .headgate/tools when the machine has none.
    uv = os.environ.get("UV") or shutil.which("uv") or str(_kept().parent / "tools/bin/uv")
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", folder, "--allow-existing"], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *requirements], check=True)
    except (OSError, subprocess.CalledProcessError):
        bench.say(f"{name}: skipped, not installable")
        return None
    (folder / "complete").touch()
    return python


class Companion:
    """A script that runs in its own environment and answers requests, one JSON line each."""

    def __init__(self, *command: str | Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not os.environ.get("HEADGATE_BENCH_DEBUG") else None,
            text=True,
            env=env,
        )
        self._answer()

    def ask(self, **request: Any) -> Any:
        """What the script took for a request: seconds, or a list of them."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()["seconds"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("answer "):
                found: dict[str, Any] = json.loads(line.removeprefix("answer "))
                return found
        error = self._process.stderr.read() if self._process.stderr else ""
        raise RuntimeError(f"{self._process.args} ended:\n{error[-4000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
