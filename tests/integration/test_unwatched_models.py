"""A project that declares no model does without what watches served ones; one that has any cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project_copy import ProjectCopy
from tests.support import Database

pytestmark = [pytest.mark.costly, pytest.mark.parametrize("server", ["embedded"], indirect=True)]
LOGGED = """
    insert into ops.loads (source, entity, partition_start, partition_end, uri, status)
    values ('predictions', 'answers', '2026-03-01 01:00Z', '2026-03-01 02:00Z', 'test', 'failed')
"""
SWITCH = "set serves_models: true below vars in dbt_project.yml"


def test_what_watches_served_models_is_there_where_there_are_any(database: Database, tmp_path: Path) -> None:
    """Switched off it is no part of the project; a build stops while a model is declared, or was asked."""
    project = ProjectCopy.make(tmp_path / "project", database)
    project.replace("dbt_project.yml", "&serves_models true", "&serves_models false")
    build = ("build", "--select", "observed_paths", "--exclude-resource-type", "unit_test")
    refused = " ".join(project.dbt(*build, exit_code=2).stdout.split())
    assert "model pull_request_merge is declared" in refused
    assert SWITCH in refused

    (project.folder / "models/exposures/github/pull_request_merge.yml").unlink()
    project.dbt("run", "--select", "+observed_paths")
    listed = project.dbt("ls", "--quiet", "--resource-type", "model", "--resource-type", "test").stdout
    assert "gharchive_observed_paths" in listed
    left = [line for line in listed.splitlines() if "predictions" in line]
    assert left == []

    database.query(LOGGED + " returning 1")
    refused = " ".join(project.dbt(*build, exit_code=2).stdout.split())
    assert "predictions were logged" in refused
    assert SWITCH in refused
