"""A plan where one source alone is built: seeds are loaded first, and nothing has to be published."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import readings, write_lines
from tests.support import Database

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

MODEL = """{{ config(materialized='table', schema='typed') }}
select temperature * factor as temperature
from {{ ref('stg_weather__records') }} cross join {{ ref('weather_units') }}
where unit = 'local'
"""


DESCRIPTION = """models:
  - name: weather_in_units
    description: Temperatures in another unit. One row per record.
    columns:
      - name: temperature
        description: In the other unit.
"""


def declare(project: Path, factor: int) -> None:
    """The seed and the model that reads it."""
    (project / "seeds/weather_units.csv").write_text(f"unit,factor\nlocal,{factor}\n")
    (project / "models/staging/weather/weather_in_units.sql").write_text(MODEL)
    (project / "models/staging/weather/weather_in_units.yml").write_text(DESCRIPTION)


def test_a_changed_seed_is_loaded_before_what_reads_it(database: Database, tmp_path: Path) -> None:
    """Seeds of models that were never built, too: the example's are built for the first time by the plan."""
    project = ProjectCopy.make(tmp_path / "project", database)
    new_source(project.folder, "weather", infer(readings(200))).write()
    declare(project.folder, 10)
    project.headgate("land", "weather", write_lines(tmp_path / "sample.jsonl", readings(200)))
    build = ("build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable")
    project.dbt(*build, "--no-partial-parse", "--select", "+path:models/staging/weather")
    before = database.value("select sum(temperature) from typed.weather_in_units")

    declare(project.folder, 20)
    plan = project.plan(exit_code=4)
    assert [entry["model"] for entry in plan["rebuild"]] == ["weather_in_units"]
    assert "redefined all columns" in {change["sentence"] for change in plan["changes"]}
    project.headgate("approve", plan["hash"])
    done = project.headgate("apply", "--yes")

    assert database.value("select sum(temperature) from typed.weather_in_units") == 2 * before
    assert "Nothing is published yet: no feature view is built." in done.stdout
    assert not [change for change in project.plan()["changes"] if change["breaking"]]
