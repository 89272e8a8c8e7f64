"""Views of dbt are replaced in place: what stands upon them stays, and who reads them never misses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project_copy import ProjectCopy
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
SELECTED = ("--select", "model_limits")


def relation(database: Database) -> int:
    """The identity of a view in PostgreSQL's catalog."""
    number: int = database.value("select 'monitoring.model_limits'::regclass::oid::bigint")
    return number


@pytest.mark.costly
def test_a_view_is_replaced_in_place_until_its_columns_change(database: Database, tmp_path: Path) -> None:
    """It keeps its identity and a view upon it; with other columns both go, and it is made anew."""
    project = ProjectCopy.make(tmp_path / "project", database)
    with (project.folder / "models/monitoring/predictions/model_limits.sql").open("a") as model:
        model.write("-- A comment may end it.\n")
    project.dbt("build", "--select", "model_alarm_limits", *SELECTED[1:], "--exclude", "test_type:unit")
    before = relation(database)
    database.query("create view public.of_somebody as select * from monitoring.model_limits")
    project.dbt("run", *SELECTED)
    assert relation(database) == before
    assert database.value("select to_regclass('public.of_somebody') is not null")

    database.query("alter view monitoring.model_limits rename column model to another")
    project.dbt("run", *SELECTED)
    assert "another" not in [name for (name,) in database.query(COLUMNS)]
    assert database.value("select to_regclass('public.of_somebody') is null")


COLUMNS = "select attname from pg_attribute where attrelid = 'monitoring.model_limits'::regclass"
