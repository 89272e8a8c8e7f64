"""A model that has no partition to build is left as it stands, unless its SQL gives another column."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project_copy import ProjectCopy
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
MODEL = "stg_predictions__answers"
GATE = "predictions_answers_as_of_is_given"
KEPT = f"gate_failures.{GATE}"
#: What a run leaves in which a row failed the gate.
FAILED_ONCE = f"""
    create schema if not exists gate_failures;
    create table {KEPT} as select 1 as failed;
    select ops.hand_over('{KEPT}')
"""
COLUMN = """
    select count(*) from pg_attribute
    where attrelid = 'typed.stg_predictions__answers'::regclass and attname = 'added'
"""


@pytest.mark.costly
def test_what_has_nothing_to_build_is_left_until_it_gains_a_column(
    database: Database, tmp_path: Path
) -> None:
    """The first run makes the table, the next leaves it; gates are not asked; a new column still comes."""
    project = ProjectCopy.make(tmp_path / "project", database)
    project.dbt("run", "--select", f"+{MODEL}")
    database.query(FAILED_ONCE)
    project.dbt("build", "--select", GATE)
    assert database.value(f"select to_regclass('{KEPT}')"), "it had nothing to look at"
    project.dbt("test", "--select", GATE)
    assert not database.value(f"select to_regclass('{KEPT}')"), "dbt test looks at everything: no row fails"

    assert "NOTHING NEW" in only_line(project.dbt("run", "--select", MODEL).stdout)

    file = f"models/staging/predictions/{MODEL}.sql"
    project.replace(file, "        root.status,\n", "        root.status,\n        root.status as added,\n")
    assert "NOTHING NEW" not in only_line(project.dbt("run", "--select", MODEL).stdout)
    assert database.value(COLUMN) == 1
    assert "NOTHING NEW" in only_line(project.dbt("run", "--select", MODEL).stdout)


def only_line(output: str) -> str:
    """What dbt says of the model when it is done."""
    (line,) = [
        line for line in output.splitlines() if f"OK created sql incremental model typed.{MODEL}" in line
    ]
    return line
