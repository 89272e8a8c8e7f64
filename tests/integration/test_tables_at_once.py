"""Models that are tables, built by two runs at once: one waits, and finds nothing of the other in its way."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests.project_copy import ProjectCopy
from tests.servers import wait_until
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
TABLE = "any_labels"
#: What a run does first to a model.
LOCK = f"""
    insert into ops.locks (name) values ('builds of {TABLE}')
    on conflict (name) do update set name = excluded.name
"""
WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%%ops.locks%%'
"""


@pytest.mark.costly
def test_a_table_waits_for_another_run_that_builds_it(database: Database, tmp_path: Path) -> None:
    """Also where that one has not yet dropped the table that it put aside, as dbt does after its end."""
    project = ProjectCopy.make(tmp_path / "project", database)
    (project.folder / "models" / "training" / f"{TABLE}.sql").write_text("select 1 as label")
    selected = ("run", "--select", TABLE)
    project.dbt(*selected)
    command = database.dbt_command(*selected, project=project.folder)
    program = Path(sys.executable).with_name("dbt")
    with contextlib.closing(psycopg2.connect(database.dsn)) as other, other.cursor() as cursor:
        cursor.execute(LOCK)
        with subprocess.Popen(
            [program, *command[1:]], env=database.env, cwd=project.folder, stdout=subprocess.PIPE, text=True
        ) as run:
            wait_until(lambda: database.value(WAITING), "a run that waits for the lock")
            cursor.execute(f"create table training.{TABLE}__dbt_backup (label integer)")
            other.commit()
            output = run.communicate()[0]
    assert run.returncode == 0, output
    assert f"Model {TABLE} waits for another build of it" in output
    assert database.value(f"select label from training.{TABLE}") == 1
