"""Drift of a source that came later: new files are enough, and it is held against its own contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project_copy import ProjectCopy
from tests.support import Database

START = datetime(2026, 3, 1, tzinfo=UTC)
GATE = "shop_keeps_its_contract"
MACRO = "macros/shop/shop_schema_generation.sql"
CONTRACT = {
    "version": 1,
    "envelope": {"identity": "id", "kind": "kind", "time": "sold_at"},
    "time_tolerance_hours": 1,
    "paths": [
        {"path": "id", "type": "string", "required": True},
        {"path": "price", "type": "integer", "required": True},
    ],
}
FILES = {
    MACRO: "{% macro shop_schema_generation(landed) -%}\n    'first'\n{%- endmacro %}\n",
    "models/monitoring/shop_observed_paths.sql": (
        "{%- set partitions = stale_partitions(source_name='shop') %}\n"
        "{{ builds(partitions) }}\n"
        "{{ observed_paths(source('shop', 'sales'), shop_schema_generation, partitions) }}\n"
    ),
    "models/monitoring/shop_observed_paths.yml": yaml.safe_dump(
        {
            "models": [
                {
                    "name": "shop_observed_paths",
                    "data_tests": [
                        {"keeps_its_contract": {"name": GATE, "arguments": {"source_name": "shop"}}}
                    ],
                }
            ]
        }
    ),
    "models/staging/shop/_shop__sources.yml": yaml.safe_dump(
        {
            "sources": [
                {
                    "name": "shop",
                    "schema": "staging_shop",
                    "tables": [{"name": "sales", "config": {"meta": {"contract": CONTRACT}}}],
                }
            ]
        }
    ),
}


def sell(database: Database, hour: int, record: dict[str, Any]) -> None:
    """Lands twenty records of one content; the contract has them in one partition."""
    load_id = database.value(
        "insert into ops.loads (source, entity, partition_start, partition_end, uri, status,"
        " lines_read, rows_landed, rows_rejected)"
        " values ('shop', 'sales', %s, %s, 'none', 'landed', 20, 20, 0) returning load_id",
        START + timedelta(hours=hour),
        START + timedelta(hours=hour + 1),
    )
    database.query(
        "insert into staging_shop.sales select %s, line, line::text, 'PushEvent', %s, %s::jsonb"
        " from generate_series(1, 20) as line",
        load_id,
        START + timedelta(hours=hour),
        json.dumps(record),
    )


def build(project: ProjectCopy, exit_code: int = 0) -> str:
    """Builds what looks at loads, with its gates; what dbt said."""
    return project.dbt(
        *(
            "build",
            "--select",
            "path:seeds",
            "path:models/monitoring",
            "predictions_observed_paths",
            "contract_paths",
        ),
        *("--exclude", "path:models/monitoring/predictions", "event_types_are_known"),
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"),
        exit_code=exit_code,
    ).stdout


def findings(database: Database) -> list[tuple[Any, ...]]:
    """What contract_drift has."""
    return database.query(
        "select source_name, finding, path from monitoring.contract_drift order by load_id, finding, path"
    )


@pytest.fixture
def project(database: Database, tmp_path: Path) -> ProjectCopy:
    """A copy of the project with a landing table and files of another source."""
    project = ProjectCopy.make(tmp_path / "project", database)
    for name, text in FILES.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    database.query(
        "create schema staging_shop create table sales (load_id bigint, line_number integer, record_id text,"
        " record_type text, recorded_at timestamptz, record jsonb)"
    )
    return project


@pytest.mark.slow
def test_another_source_is_held_against_its_own_contract(project: ProjectCopy) -> None:
    """What it lacks stops the build, until it is delivered whole; what is new in it warns."""
    database = project.database
    sell(database, 0, {"id": "a", "price": 1})
    build(project)
    assert findings(database) == []

    sell(database, 1, {"id": "a", "colour": "red"})
    for _ in range(2):
        said = build(project, exit_code=1)
        assert f"Gate {GATE} on " in said
    assert findings(database) == [("shop", "missing required path", "price"), ("shop", "new path", "colour")]
    assert database.query(
        "select partition_start from ops.built_partitions where model = 'shop_observed_paths' except"
        " select partition_start from ops.certified_partitions where model = 'shop_observed_paths'"
    ) == [(START + timedelta(hours=1),)]
    # What shows all sources has no gate: dbt would skip it behind this one, for every source.
    assert (
        database.query(
            "select gate from ops.model_gates, unnest(gates) as gate"
            " where model like '%observed\\_paths' group by gate having count(*) > 1"
        )
        == []
    )

    database.query("update staging_shop.sales set record = record || '{\"price\": 2}'")
    database.query("delete from ops.built_partitions where model = 'shop_observed_paths'")
    build(project)
    assert findings(database) == [("shop", "new path", "colour")]


@pytest.mark.costly
def test_a_source_that_would_be_passed_over_is_refused(project: ProjectCopy) -> None:
    """Without the macro that names its generations nothing would look at its findings."""
    (project.folder / MACRO).rename(project.folder / "macros/shop/shop_generation.sql")
    project.replace("macros/shop/shop_generation.sql", "shop_schema_generation", "shop_generation")
    project.replace("models/monitoring/shop_observed_paths.sql", "shop_schema_generation", "shop_generation")

    said = build(project, exit_code=1)

    assert "no macro shop_schema_generation" in said


@pytest.mark.slow
def test_a_source_that_dbt_has_not_read_yet_is_told(project: ProjectCopy, tmp_path: Path) -> None:
    """What a model depends on stays as dbt once read it, until it is asked to read all again."""
    for name in FILES:
        (project.folder / name).rename(tmp_path / Path(name).name)
    build(project)
    for name in FILES:
        (tmp_path / Path(name).name).rename(project.folder / name)

    said = build(project, exit_code=1)
    assert "observed_paths was read before source shop came. Run dbt parse --no-partial-parse" in said

    project.dbt("parse", "--no-partial-parse")
    build(project)
