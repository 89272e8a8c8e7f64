"""deploy/ as checkers of its formats see it: hadolint, the Compose specification, Kubernetes' schemas."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests import own_environments
from tests.support import ROOT

pytestmark = pytest.mark.slow

DEPLOY = ROOT / "deploy"
MANIFESTS = [path for path in sorted(DEPLOY.glob("kubernetes/*/*.yaml")) if path.name != "kustomization.yaml"]


checked = functools.partial(own_environments.checked, DEPLOY / "checks.txt")


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
