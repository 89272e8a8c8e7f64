"""The demonstration, as who has no hours of the archive sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headgate_github.demo.hours import FIRST
from tests.project_copy import ProjectCopy
from tests.support import Database

#: Nobody listens there.
NO_ARCHIVE = {"HEADGATE_ARCHIVE_URL": "http://127.0.0.1:9"}


@pytest.mark.slow
@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_generated_hours_lead_to_a_served_model(database: Database, tmp_path: Path) -> None:
    """The model of generated hours passes its gates; a canary fails, another one is promoted."""
    project = ProjectCopy.make(tmp_path, database)
    program = Path(sys.executable).with_name("headgate")
    env = {**database.env, **NO_ARCHIVE}
    done = subprocess.run(
        [program, "demo"], env=env, cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

    said = " ".join(done.stdout.split())
    assert f"Twelve hours from {FIRST:%Y-%m-%dT%H} on: generated hours" in said
    assert "Not registered" not in said
    for told in ("verdict worse, then stop", "verdict as good, then promote", "Pull requests just opened"):
        assert told in said
