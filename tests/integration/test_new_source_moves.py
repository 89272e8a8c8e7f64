"""A new source whose files move into place one after the other: dbt can read the project at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.scaffold import staging
from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import webhooks
from tests.support import Database

pytestmark = [pytest.mark.slow]


def test_dbt_reads_the_project_between_any_two_moves(database: Database, tmp_path: Path) -> None:
    """Whichever move was the last before a kill, dbt parses the project and every other source."""
    project = ProjectCopy.make(tmp_path / "project", database)
    texts = new_source(project.folder, "forge", infer(webhooks())).texts
    moves = [move for move in staging._moves(project.folder, texts, ()) if not move.startswith("mage")]
    assert len(moves) == 2

    for move in moves:
        for path, text in texts.items():
            if path == move or path.startswith(f"{move}/"):
                (project.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (project.folder / path).write_text(text)
        command = [*database.dbt_command("parse"), "--no-partial-parse"]
        command[command.index("--project-dir") + 1] = project.folder
        project.run(*command)
