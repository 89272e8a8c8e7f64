"""A source that nobody has published is removed, or generated again; one that something rests on is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import readings, write_lines
from tests.support import Database

pytestmark = pytest.mark.slow

#: Tables of the ledger with rows of a source, and what says so.
LEDGER = {
    "loads": "source = 'weather' and status = 'landed'",
    "contracts": "source = 'weather'",
    "built_partitions": "model like 'stg_weather%' or model = 'weather_observed_paths'",
    "deployed_models": "model like 'stg_weather%' or model = 'weather_observed_paths'",
    "gate_results": "gate like 'weather_%'",
}


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a source that is landed and built."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    new_source(made.folder, "weather", infer(readings(200))).write()
    made.headgate("land", "weather", write_lines(made.folder / "sample.jsonl", readings(200)))
    command = [
        *module_database.dbt_command("build"),
        "--no-partial-parse",
        "--indirect-selection",
        "buildable",
    ]
    command[command.index("--project-dir") + 1] = made.folder
    command += ["--exclude-resource-type", "unit_test"]
    made.run(*command, "--select", "+path:models/staging/weather", "+observed_paths")
    return made


def files(project: ProjectCopy) -> list[Path]:
    """Every file that is named after the source or lies in a folder of its."""
    return [file for file in project.folder.rglob("*") if "weather" in str(file.relative_to(project.folder))]


def rows(project: ProjectCopy) -> dict[str, int]:
    """How many rows of the ledger are of the source."""
    query = project.database.value
    return {
        table: query(f"select count(*) from ops.{table} where {where}") for table, where in LEDGER.items()
    }


def relations(project: ProjectCopy) -> list[str]:
    """Relations of the source, gates' failing rows too."""
    found = project.database.query(
        "select oid::regclass::text from pg_class"
        " where relkind in ('r', 'p', 'v') and relname like '%weather%'"
        " or relnamespace = to_regnamespace('staging_weather')"
    )
    return [name for (name,) in found]


def test_nothing_goes_without_leave(project: ProjectCopy) -> None:
    """Without --yes the plan names files, loads and relations; exit code 4, and all is as it was."""
    before = (files(project), rows(project))
    assert all(before[1].values())

    refused = project.headgate("remove", "source", "weather", exit_code=4)

    assert "models/staging/weather" in refused.stdout
    assert "1 load, 200 records" in refused.stdout
    assert "typed.stg_weather__records" in refused.stdout
    assert "monitoring.observed_paths" in refused.stdout
    assert (files(project), rows(project)) == before


def test_what_rests_on_it_holds_it(project: ProjectCopy) -> None:
    """A model that reads it, and a release with its loads, each keep it, whatever they are called."""
    model = project.folder / "models" / "features" / "warmest.sql"
    model.write_text("select max(temperature) as warmest from {{ ref('stg_weather__records') }}")
    before = (files(project), rows(project))

    refused = project.headgate("remove", "source", "weather", "--yes", exit_code=1)
    assert "warmest" in refused.stderr
    assert "stg_weather__records" in refused.stderr
    model.unlink()

    project.database.query(
        "insert into ops.releases (release_id, published_by, loads_added, loads_removed, gates)"
        " select 7, 'test', array_agg(load_id), '{}', '{}' from ops.loads where source = 'weather'"
        " returning 1"
    )
    refused = project.headgate("remove", "source", "weather", "--yes", exit_code=1)
    assert "release 7" in refused.stderr
    assert "headgate plan" in refused.stderr
    project.database.query("delete from ops.releases where release_id = 7 returning 1")

    assert (files(project), rows(project)) == before


def test_a_source_is_generated_again(project: ProjectCopy) -> None:
    """With --replace and leave, what landed goes, and the files are those of the new answers."""
    sample = write_lines(project.folder / "sample.jsonl", readings(200))
    (project.folder / "models/staging/weather/mine.sql").write_text("select 1 as one")
    again = ("new", "source", "weather", "--sample", sample, "--replace", "--entity", "measurements")
    project.headgate(*again, exit_code=4)
    assert rows(project)["loads"] == 1

    project.headgate(*again, "--yes")

    assert not any(rows(project).values())
    assert relations(project) == []
    folder = project.folder / "models/staging/weather"
    assert (folder / "stg_weather__measurements.sql").is_file()
    assert not (folder / "stg_weather__records.sql").exists()
    assert not (folder / "mine.sql").exists()


def test_a_source_is_removed(project: ProjectCopy) -> None:
    """Landed anew and removed, nothing of it is left in files, schemas and ledger; others stay."""
    project.headgate("land", "weather", project.folder / "sample.jsonl")
    others = project.database.value("select count(*) from ops.deployed_models")
    project.database.query(
        "insert into ops.decisions (action, load_id, reason, actor)"
        " select 'discard load', load_id, 'a test', 'test' from ops.loads where source = 'weather'"
        " returning 1"
    )

    done = json.loads(project.headgate("remove", "source", "weather", "--yes", "--json").stdout)

    assert (done["removed"], done["records"]) == (True, 200)
    assert files(project) == []
    assert not any(rows(project).values())
    assert relations(project) == []
    assert project.database.value("select count(*) from ops.deployed_models") == others
    assert project.database.query(
        "select loads.status from ops.decisions inner join ops.loads using (load_id) where source = 'weather'"
    ) == [("replaced",)]
    project.headgate("remove", "source", "weather", "--yes", exit_code=2)
