"""What the tests rest on: copies of templates, programs in forked processes, a project parsed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import execute
from tests.support import ROOT, Database, Databases


def test_a_template_is_filled_once_and_its_copies_are_apart(databases: Databases) -> None:
    """What one copy changes neither the template nor another copy has."""
    filled = []

    def fill(database: Database) -> None:
        filled.append(database.query("create table public.kept as select 1 as value"))

    names = {databases.template("two_copies", fill) for _ in range(2)}
    assert (names, len(filled)) == ({"two_copies"}, 1)
    with databases.new("two_copies") as one, databases.new("two_copies") as other:
        one.query("update public.kept set value = 2")
        assert [copy.value("select value from public.kept") for copy in (one, other)] == [2, 1]
        assert one.env["PGDATABASE"] != other.env["PGDATABASE"]


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "arguments", [["releases", "--json"], ["run", "nonsense"], ["land"], ["--help"]], ids=" ".join
)
def test_a_forked_program_is_like_one_that_was_started(database: Database, arguments: list[str]) -> None:
    """It prints the same and ends with the same code."""
    started = execute(["headgate", *arguments], database.env, ROOT, 60)
    forked = database.headgate(*arguments, exit_code=started.returncode)
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_dbt_goes_on_from_the_project_that_was_parsed(database: Database) -> None:
    """Also where another database, or Headgate itself, has it elsewhere; it reads no file anew."""
    logged = {"DBT_LOG_LEVEL_FILE": "info"}
    database.dbt("list", "--quiet", "--resource-type", "seed", **logged)
    database.headgate("plan", **logged)
    for folder in (database.folder, database.settings.home):
        assert why_parsed(folder / "logs" / "dbt.log") == []


def why_parsed(log: Path) -> list[str]:
    """Why dbt read all files, for each time that it did."""
    return [line for line in log.read_text().splitlines() if "Unable to do partial parsing" in line]
