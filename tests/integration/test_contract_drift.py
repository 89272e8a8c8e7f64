"""A source that changes its shape: caught before anything is typed, and explained; new paths warn."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import generate_hour
from tests.project_copy import ProjectCopy
from tests.support import Database, Databases

SOURCES = "models/staging/gharchive/_gharchive__sources.yml"
GENERATION = "macros/github/gharchive_schema_generation.sql"
GATE = "gharchive_keeps_its_contract"
#: The first day of the generation events_slim, and the last hour before it.
SLIM = datetime(2025, 10, 7, 1, tzinfo=UTC)
BEFORE = SLIM - timedelta(hours=2)


def land(database: Database, folder: Path, hour: datetime, **change: Any) -> None:
    """Lands one generated hour; `change` is merged into every record of type PushEvent's payload."""
    folder.mkdir(exist_ok=True)
    made = generate_hour(hour, seed=5, events_per_hour=400)
    file = folder / made.name
    records = [json.loads(line) for line in gzip.decompress(made.content).split(b"\n") if line]
    for record in records:
        if record["type"] == "PushEvent":
            record["payload"] |= change
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    database.headgate("land", "gharchive", file)


def contract(document: dict[str, Any]) -> dict[str, Any]:
    """The contract in a sources file."""
    found: dict[str, Any] = document["sources"][0]["tables"][0]["config"]["meta"]["contract"]
    return found


def keep_events_only(project: ProjectCopy, *, named: bool) -> None:
    """Reduces the contract to what it says of generation `events`, with or without naming it."""
    with project.edit_yaml(SOURCES) as document:
        declared = contract(document)
        kept = [path for path in declared["paths"] if "events" in path.get("generations", ["events"])]
        for path in kept:
            path.pop("generations", None)
            if named:
                path["generations"] = ["events"]
        declared["paths"] = kept


@pytest.fixture
def project(database: Database, tmp_path: Path) -> ProjectCopy:
    """A copy of the project, to be changed."""
    return ProjectCopy.make(tmp_path / "project", database)


@pytest.fixture
def built(databases: Databases, tmp_path: Path) -> Iterator[ProjectCopy]:
    """A copy of the project, with the hour before the generation changes landed and built."""

    def fill(database: Database) -> None:
        land(database, tmp_path / "before", BEFORE)
        database.headgate("apply", "--yes")

    with databases.new(databases.template("hour_before_slim", fill)) as database:
        yield ProjectCopy.make(tmp_path / "project", database)


def findings(project: ProjectCopy) -> dict[str, set[str]]:
    """Finding -> record type and path, as contract_drift has them."""
    found: dict[str, set[str]] = {}
    for finding, subject in project.database.query(
        "select finding, record_type || ' ' || path from monitoring.contract_drift"
    ):
        found.setdefault(finding, set()).add(subject)
    return found


def typed(project: ProjectCopy) -> bool:
    """Whether any record of the slim hour was typed."""
    built = project.database.query(
        "select 1 from ops.built_partitions where model = %s and partition_start = %s",
        "stg_gharchive__deliveries",
        SLIM,
    )
    return bool(built)


@pytest.mark.slow
def test_a_generation_that_the_contract_does_not_name_stops_before_typing(
    project: ProjectCopy, tmp_path: Path
) -> None:
    """With the project's own contract the same hour passes."""
    keep_events_only(project, named=True)
    land(project.database, tmp_path / "hours", SLIM)

    failed = project.headgate("apply", "--yes", exit_code=3)

    assert GATE in failed.stderr
    assert "generation events_slim, which the contract does not name" in failed.stderr
    assert "declare the new shape in the contract of gharchive" in failed.stderr
    assert not typed(project)
    shown = project.headgate("gates", "show", GATE, "--json")
    assert json.loads(shown.stdout)["rows"][0]["finding"] == "undeclared generation"
    assert any("events_slim" in line for line in project.plan()["observed"])

    project.restore(SOURCES)
    project.replace(SOURCES, "version: 3\n", "version: 4\n")
    project.headgate("apply", "--yes")
    assert typed(project)
    assert findings(project) == {}


@pytest.mark.slow
def test_paths_that_went_missing_are_named(project: ProjectCopy, tmp_path: Path) -> None:
    """A project that never heard of generations expects what the hours before had."""
    keep_events_only(project, named=False)
    path = project.folder / GENERATION
    path.write_text("{% macro gharchive_schema_generation(landed) -%}\n    'events'\n{%- endmacro %}\n")
    land(project.database, tmp_path / "hours", BEFORE)
    project.headgate("apply", "--yes")
    land(project.database, tmp_path / "hours", SLIM)

    failed = project.headgate("run", "build_features", exit_code=3)

    assert GATE in failed.stderr
    assert "found nothing, in" in failed.stderr
    missing = findings(project)["missing required path"]
    assert {"PushEvent payload.size", "PushEvent payload.commits"} <= missing
    assert "PullRequestEvent payload.pull_request.merged" in missing
    assert not typed(project)


@pytest.mark.slow
def test_a_new_path_warns_and_a_changed_type_stops(built: ProjectCopy, tmp_path: Path) -> None:
    """The first is kept untyped; the second is not typed into nulls."""
    project = built
    land(project.database, tmp_path / "hours", BEFORE - timedelta(hours=1), signature={"kind": "gpg"})

    project.build()

    assert findings(project) == {"new path": {"PushEvent payload.signature"}}
    warned = project.database.query(
        "select status, failures, model from ops.gate_results where gate = %s order by ran_at desc",
        "gharchive_has_no_new_path",
    )
    assert warned[0] == ("warn", 1, "gharchive_observed_paths")
    assert any("payload.signature" in line for line in project.plan()["observed"])

    land(project.database, tmp_path / "hours", BEFORE - timedelta(hours=2), push_id="a string")
    project.build(exit_code=1)
    shown = project.headgate("gates", "show", GATE, "--json")
    explanation = json.loads(shown.stdout)["rows"][0]["explanation"]
    assert "payload.push_id of PushEvent: expected integer, found string" in explanation


@pytest.mark.slow
def test_a_contract_that_changes_without_a_version_is_refused(built: ProjectCopy, tmp_path: Path) -> None:
    """By the plan, and by a gate before anything is typed under it; raised, it says what breaks."""
    project = built
    with project.edit_yaml(SOURCES) as document:
        paths, raised = contract(document)["paths"], contract(document)["version"] + 1
        paths.append({"path": "payload.signature", "type": "object", "kinds": ["PushEvent"]})
        next(path for path in paths if path["path"] == "public")["required"] = True

    plan = project.plan(exit_code=4)
    assert f"set version: {raised}" in plan["problems"][0]
    land(project.database, tmp_path / "hours", BEFORE - timedelta(hours=1))
    refused = project.build(exit_code=1)
    assert "assert_contract_changes_raise_their_version" in refused.stdout

    with project.edit_yaml(SOURCES) as document:
        contract(document)["version"] = raised
    plan = project.plan(exit_code=4)
    words = {
        change["sentence"]: change["breaking"] for change in plan["changes"] if change["layer"] == "source"
    }
    assert words == {
        "added path payload.signature (PushEvent): none -> optional object": False,
        "changed path public: optional -> required": True,
    }
    assert "stg_gharchive__quarantine" in {model["model"] for model in plan["rebuild"]}
    project.headgate("approve", plan["hash"])
    project.headgate("apply", "--yes")
    assert project.plan()["changes"] == []
