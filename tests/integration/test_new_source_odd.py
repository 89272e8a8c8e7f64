"""Sources whose keys and values are odd in YAML, Jinja and SQL: in one project, landed, built, all typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.contract import format_path
from headgate.scaffold.files import NewFiles
from headgate.scaffold.infer import Inferred, infer
from headgate.scaffold.source import new_source
from tests import odd_samples
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.support import Database

pytestmark = pytest.mark.slow

#: As many samples as one build takes in some minutes; each has thirty odd keys and more below them.
SOURCES = {f"odd{seed}": seed for seed in range(6)}
#: The field cases, and what is like them.
CASES: dict[str, dict[str, Any]] = {
    "long_array": {"discount_applications_of_the_order": [{"code": "c"}], "x": [{"y" * 60: [{"z" * 63: 1}]}]},
    "words": {"no": 0, "on": True, "null": 1, "2024": 2, "~": "x", "y": {"yes": [{"off": 1}]}},
    "twins": {
        **{f"shipping_method_carrier_{end}": end for end in ("code", "name")},
        **{"a" * 62 + end: 1 for end in "bc"},
    },
    "cases": {"Id": 101, "ID": 102, "iD": {"Id": 103, "ID": 104}},
}


def records_of(name: str) -> list[dict[str, Any]]:
    """The sample of a source."""
    if name in SOURCES:
        return odd_samples.odd_sample(SOURCES[name])
    at = "2026-01-01T00:00:00Z"
    few = ["it's", "{{ x }}"]
    return [{"id": n, "created_at": at, **CASES[name], "few": few[n % 2]} for n in range(60)]


@pytest.fixture(scope="module")
def inferred() -> dict[str, Inferred]:
    """What each sample says."""
    return {name: infer(records_of(name)) for name in [*SOURCES, *CASES]}


@pytest.fixture(scope="module")
def project(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory, inferred: dict[str, Inferred]
) -> ProjectCopy:
    """A project with all of them, landed and built behind their gates, after their unit tests."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    texts: dict[str, str] = {}
    for name, found in inferred.items():
        texts |= new_source(made.folder, name, found).texts
    NewFiles(made.folder, texts).write()
    for name in inferred:
        made.headgate("land", name, write_lines(made.folder / f"{name}.jsonl", records_of(name)))
    command = [*module_database.dbt_command("build"), "--no-partial-parse"]
    command[command.index("--project-dir") + 1] = made.folder
    command += ["--indirect-selection", "buildable"]
    staging = (f"+path:models/staging/{name}" for name in inferred)
    made.run(*command, "--select", *staging, "+contract_drift")
    return made


def test_every_record_is_typed(project: ProjectCopy, inferred: dict[str, Inferred]) -> None:
    """What landed keeps the contract that was inferred from it, and has a row in every model of records."""
    for name in inferred:
        counts = project.database.query(
            f"select rows_landed, typed_count, quarantined_count from typed.stg_{name}__load_outcomes"
        )
        assert [(landed == typed, quarantined) for landed, typed, quarantined in counts] == [(True, 0)], name


def test_columns_hold_what_stands_in_the_records(project: ProjectCopy) -> None:
    """Keys that differ in case, or behind 62 bytes, have columns of their own."""
    query = project.database.query
    cases = query("select * from typed.stg_cases__records limit 1")
    assert sorted(value for value in cases[0] if type(value) is int and value > 100) == [101, 102, 103, 104]
    carrier = "shipping_method_carrier"
    twins = query(f"select distinct {carrier}_code, {carrier}_name from typed.stg_twins__records")
    assert twins == [("code", "name")]
    words = query("select distinct no, on_value, null_value, n_2024, value from typed.stg_words__records")
    assert words == [(0, True, 1, 2, "x")]


def test_paths_are_spelled_alike_everywhere(project: ProjectCopy, inferred: dict[str, Inferred]) -> None:
    """Python, dbt and SQL give a path one spelling: in contracts, in their table, in what is observed."""
    for name, found in inferred.items():
        declared = project.database.query(
            f"select path from typed.contract_paths where source_name = '{name}'"
        )
        assert {path for (path,) in declared} == {rule.path for rule in found.contract.paths}
        observed = project.database.query(f"select distinct path from monitoring.{name}_observed_paths")
        expected = {path for record in landed(project, name) for path in paths(record)}
        assert {path for (path,) in observed} <= expected
        assert len(observed) > 5


def landed(project: ProjectCopy, name: str) -> list[dict[str, Any]]:
    """The raw records of a source."""
    (table,) = project.database.query(
        f"select relname from pg_class where relnamespace = 'staging_{name}'::regnamespace and relkind = 'p'"
    )[0]
    found = project.database.query(f"select record::text from staging_{name}.{table}")
    return [json.loads(text) for (text,) in found]


def paths(value: Any, steps: tuple[str | None, ...] = ()) -> Iterator[str]:
    """The path of everything in a record."""
    if steps:
        yield format_path(steps)
    children = value.items() if isinstance(value, dict) else []
    for key, child in children:
        yield from paths(child, (*steps, key))
    for child in value if isinstance(value, list) else []:
        yield from paths(child, (*steps, None))


def test_no_person_landed(project: ProjectCopy, inferred: dict[str, Inferred]) -> None:
    """Addresses under odd keys were replaced before anything was written."""
    for name in inferred:
        assert odd_samples.PERSON not in json.dumps(landed(project, name))


def test_nothing_drifts_from_its_own_sample(project: ProjectCopy) -> None:
    """Held against its contract, a sample with odd keys shows nothing missing and no other type."""
    assert project.database.query("select source_name, explanation from monitoring.contract_drift") == []
