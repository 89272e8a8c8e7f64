"""deploy/ as checkers of its formats see it: hadolint, the Compose specification, Kubernetes' schemas."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.slow

DEPLOY = ROOT / "deploy"
MANIFESTS = [path for path in sorted(DEPLOY.glob("kubernetes/*/*.yaml")) if path.name != "kustomization.yaml"]
#: What uv says where it reaches no package index.
UNREACHABLE = re.compile("[Ff]ailed to fetch|error sending request|dns error")


def uv() -> str:
    """The program, or the reason to skip."""
    fetched = ROOT / ".headgate/tools/bin/uv"
    found = shutil.which("uv") or (str(fetched) if fetched.is_file() else None)
    if found is None:
        pytest.skip("no uv (make setup)")
    return found


def checked(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """What a checker says, from an environment of its own that uv keeps."""
    environment = (
        "--no-project",
        "--python",
        sys.executable,
        "--with-requirements",
        str(DEPLOY / "checks.txt"),
    )
    done = subprocess.run(
        [uv(), "run", *environment, "--", *map(str, command)], capture_output=True, text=True, check=False
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip("no package index for the tools of deploy/checks.txt")
    return done


def test_containerfiles_pass_hadolint(tmp_path: Path) -> None:
    """Without a warning; one that installs what it wants is found."""
    done = checked("hadolint", DEPLOY / "Containerfile", DEPLOY / "Containerfile.serving")
    assert (done.returncode, done.stdout) == (0, "")

    loose = tmp_path / "Containerfile"
    loose.write_text("FROM debian\nRUN apt-get install curl\n")
    assert "DL3006" in checked("hadolint", loose).stdout


def test_the_compose_file_follows_its_specification(tmp_path: Path) -> None:
    """A key that the specification does not have is found."""
    check = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = checked(*check, DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stdout

    spoilt = tmp_path / "compose.yaml"
    spoilt.write_text((DEPLOY / "compose.yaml").read_text().replace("    ports:", "    portz:"))
    assert checked(*check, spoilt).returncode == 1


def test_manifests_are_objects_of_kubernetes(tmp_path: Path) -> None:
    """Strictly: a key that a kind does not have is found."""
    check = ("kubernetes-validate", "--strict", "--no-warn")
    done = checked(*check, *MANIFESTS)
    assert done.returncode == 0, done.stdout + done.stderr

    spoilt = tmp_path / "serving.yaml"
    spoilt.write_text((DEPLOY / "kubernetes/base/serving.yaml").read_text().replace("ports:", "portz:"))
    assert checked(*check, spoilt).returncode != 0
