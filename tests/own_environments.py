"""Tools that cannot be installed beside the project: uv keeps an environment for each lock with hashes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

#: What uv says where it reaches no package index.
UNREACHABLE = re.compile("[Ff]ailed to fetch|error sending request|dns error")


def checked(
    requirements: Path, *command: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What a tool says; skips the test where it cannot be had."""
    fetched = ROOT / ".headgate/tools/bin/uv"
    uv = shutil.which("uv") or (str(fetched) if fetched.is_file() else None)
    if uv is None:
        pytest.skip("no uv (make setup)")
    environment = ("--no-project", "--python", sys.executable, "--with-requirements", str(requirements))
    done = subprocess.run(
        [uv, "run", *environment, "--", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip(f"no package index for the tools of {requirements.relative_to(ROOT)}")
    return done
