"""The tutorial: every command of docs/tutorial_add_a_source.md, as it stands there, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project_copy import ProjectCopy
from tests.support import ROOT, Databases

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]

PAGE = ROOT / "docs" / "tutorial_add_a_source.md"


def commands() -> str:
    """The blocks of the page that are for a shell, one after the other."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def said(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the commands print, in a copy of the project; each of them has to succeed."""
    if shutil.which("psql") is None:
        pytest.skip("no psql on this machine (apt-get install postgresql-client)")
    with databases.new() as database:
        project = ProjectCopy.make(tmp_path_factory.mktemp("tutorial"), database)
        shutil.copyfile(project.folder / "profiles.example.yml", project.folder / "profiles.yml")
        programs = f"{Path(sys.executable).parent}:{database.env['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands()],
            cwd=project.folder,
            env={**database.env, "PATH": programs},
            capture_output=True,
            text=True,
            timeout=1800,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_source_is_found_out(said: str) -> None:
    """Identity, time and personal data are found as the page says."""
    assert "identity: id" in said
    assert "time: created_at" in said
    assert "personal data, replaced by HMAC: customer.email" in said


def test_sample_is_typed(said: str) -> None:
    """Orders and items are typed, and the address is hashed."""
    assert re.search(r"paid\s+\|\s+100\s+\|", said)
    assert re.search(r"A0\s+\|\s+600", said)
    assert "hmac:" in said
    assert "@example.org" not in said


def test_broken_record_is_kept_aside(said: str) -> None:
    """The reason and the accounting are those of the page."""
    assert 'order-1007 | {"total: expected number, found string"}' in said
    assert re.search(r"300 \|\s+299 \|\s+1", said)


def test_features_are_declared_and_read(said: str) -> None:
    """The dry run shows values, and both reads give what the page says."""
    assert re.search(r"paid_share_7d\s+double precision", said)
    assert "passed dbt parse" in said
    assert "release 1 spent" in said
    assert "orders on March 5: 5" in said


def test_labels_make_a_dataset(said: str) -> None:
    """Labels of both kinds, recounted from the orders, in a dataset that can be made again."""
    assert "Dataset 1 is the same again" in said


def test_pipeline_lands_each_file_once(said: str) -> None:
    """The files of the inbox have landed before: nothing is doubled."""
    assert "unchanged 2" in said
