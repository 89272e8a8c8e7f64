"""dbt's unit tests: the arithmetic of the models on given rows, where a database is built from nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import Database

pytestmark = pytest.mark.costly

#: Made at compile time from all sources' contracts, of which a dbt unit test sees none; its macros are tested
#: through stg_gharchive__quarantine.
WITHOUT_UNIT_TEST = {"contract_paths"}


@pytest.fixture(scope="module")
def built(module_database: Database) -> Database:
    """A database whose models were built from nothing, each after its unit tests."""
    module_database.dbt("build", "--exclude-resource-type", "test")
    return module_database


def read(database: Database, artifact: str) -> dict[str, Any]:
    """An artifact that dbt wrote."""
    found: dict[str, Any] = json.loads((database.folder / "target" / artifact).read_text())
    return found


def test_unit_tests_pass_on_an_empty_database(built: Database) -> None:
    """Every unit test runs and passes although nothing has landed yet."""
    results = read(built, "run_results.json")["results"]

    statuses = {r["unique_id"]: r["status"] for r in results if r["unique_id"].startswith("unit_test.")}

    assert set(statuses) == set(read(built, "manifest.json")["unit_tests"])
    assert set(statuses.values()) == {"pass"}


def test_every_model_has_a_unit_test(built: Database) -> None:
    """Each model's arithmetic is pinned down by at least one unit test."""
    manifest = read(built, "manifest.json")

    models = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    tested = {test["model"] for test in manifest["unit_tests"].values()}

    assert models - tested == WITHOUT_UNIT_TEST
