"""The files of a new source, for any sample: they fit each other, and PostgreSQL's and dbt's limits."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from headgate.contract import read_contract
from headgate.contract.reads import differences, paths_read
from headgate.errors import UsageError
from headgate.planning.dbt import forget_other_sources
from headgate.scaffold.files import NewFiles
from headgate.scaffold.infer import Inferred, infer
from headgate.scaffold.models import models_of
from headgate.scaffold.source import new_source
from headgate.settings import load_settings
from tests.examples import examples
from tests.sample_sources import SAMPLES
from tests.support import ROOT
from tests.unit.sample_records import RECORDS, inferred_from

LONGEST_IN_POSTGRES = 63


def written(records: list[dict[str, Any]]) -> tuple[NewFiles, Inferred]:
    """The files of a source from a sample, and what was inferred."""
    inferred = inferred_from(records)
    return new_source(ROOT, "trial", inferred), inferred


@given(RECORDS)
@settings(deadline=None, max_examples=examples(50))
def test_files_fit_each_other(records: list[dict[str, Any]]) -> None:
    """The contract reads back as it was inferred, models read all of it, names are short."""
    files, inferred = written(records)
    documents = {
        path: yaml.safe_load(text) for path, text in files.texts.items() if path.endswith((".yml", ".yaml"))
    }

    with tempfile.TemporaryDirectory() as folder:
        contract_file = Path(folder) / "sources.yml"
        contract_file.write_text(files.texts["models/staging/trial/_trial__sources.yml"])
        contract = read_contract(contract_file, "trial", "events" if inferred.kinds else "records")
    read = set().union(*(paths_read(text) for path, text in files.texts.items() if "/stg_trial__" in path))
    gates = [name for document in documents.values() for name in names(document)]

    assert contract.envelope == inferred.contract.envelope
    assert set(contract.paths) == set(inferred.contract.paths)
    assert differences(contract, read) == (set(), set())
    assert len(set(gates)) == len(gates)
    assert max(map(len, gates)) <= LONGEST_IN_POSTGRES


def names(value: Any) -> list[str]:
    """The names of gates and unit tests in a document."""
    if isinstance(value, list):
        return [name for item in value for name in names(item)]
    if not isinstance(value, dict):
        return []
    own = [
        inner["name"]
        for key, inner in value.items()
        if isinstance(inner, dict) and "name" in inner and key in TESTS
    ]
    tests = [test["name"] for test in value.get("unit_tests", [])]
    return [*own, *tests, *(name for inner in value.values() for name in names(inner))]


TESTS = {
    "not_null",
    "unique",
    "accepted_values",
    "unique_combination_of_columns",
    "holds_every_kept_record",
    "every_landed_record_is_accounted_for",
    "quarantine_stays_small",
}


@given(RECORDS)
@settings(deadline=None, max_examples=examples(50))
def test_columns_are_told_apart(records: list[dict[str, Any]]) -> None:
    """Names of models and columns are unique, plain and short enough, whatever the keys are called."""
    inferred = inferred_from(records)
    models = models_of(inferred.contract, inferred.kinds, "records")
    suffixes = [model.suffix for model in models]

    assert len(set(suffixes)) == len(suffixes)
    for model in models:
        columns = [column.name for column in model.columns]
        assert len(set(columns)) == len(columns)
        assert all(
            re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= LONGEST_IN_POSTGRES for name in columns
        )


@pytest.mark.parametrize("name", list(SAMPLES))
def test_no_value_of_the_sample_is_written(name: str) -> None:
    """Generated files hold paths, and lists of few values; never an identity, an address or a text."""
    records = SAMPLES[name]()
    text = "\n".join(written(records)[0].texts.values())
    for record in records[:20]:
        for path in ("delivery_id", "id", "customer_email", "sensor"):
            assert str(record.get(path, "not there")) not in text
    assert "example.org" not in text


@pytest.mark.parametrize("name", ["Orders", "gharchive", "build", "x" * 25, "a__b", "jsonb"])
def test_bad_names_are_refused(name: str) -> None:
    """Names that SQL, dbt or the project cannot bear are refused with the rule."""
    with pytest.raises(UsageError) as refused:
        new_source(ROOT, name, infer(SAMPLES["greenhouse"]()))

    assert refused.value.exit_code == 2


def test_what_dbt_remembers_goes_when_a_source_comes(tmp_path: Path) -> None:
    """Dbt reads everything again once, then not before the next source."""
    project = tmp_path / "project"
    (project / "macros/one").mkdir(parents=True)
    (project / "macros/one/one_schema_generation.sql").touch()
    own = replace(load_settings({"HEADGATE_HOME": str(tmp_path / "home")}), project_dir=project)
    parsed = [own.home / place / "partial_parse.msgpack" for place in ("dbt/models", "plan/target")]

    def left() -> list[bool]:
        for file in parsed:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        forget_other_sources(own)
        return [file.exists() for file in parsed]

    assert left() == [False, False]
    assert left() == [True, True]
    (project / "macros/two_schema_generation.sql").touch()
    assert left() == [False, False]
    assert left() == [True, True]
