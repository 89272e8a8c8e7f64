"""Samples with odd keys and values: what is generated means what was sampled, in every language."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from headgate.contract import read_contract
from headgate.contract.reads import differences, paths_read
from headgate.landing.privacy import Minimiser
from headgate.scaffold.infer import Inferred, infer
from headgate.scaffold.quoting import yaml_value
from headgate.scaffold.source import new_source
from tests import odd_samples
from tests.examples import examples
from tests.support import ROOT
from tests.unit.sample_records import RECORDS, inferred_from

LONGEST_IN_POSTGRES = 63
#: dbt reads YAML with libyaml.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DBT = jinja2.Environment(extensions=["jinja2.ext.do"])
QUICK = settings(deadline=None, max_examples=examples(60), suppress_health_check=list(HealthCheck))
THOUSAND = settings(QUICK, max_examples=1000)


def hold(inferred: Inferred) -> None:
    """Asserts that the files of a source are what was inferred, for every program that reads them."""
    texts = new_source(ROOT, "trial", inferred).texts
    documents = {
        path: yaml.load(text, LOADER) for path, text in texts.items() if path.endswith((".yml", ".yaml"))
    }
    sql = {path: text for path, text in texts.items() if path.endswith(".sql")}
    contract = contract_of(texts["models/staging/trial/_trial__sources.yml"], inferred)
    read = set().union(*(paths_read(text) for path, text in sql.items() if "/stg_trial__" in path))

    assert contract.envelope == inferred.contract.envelope
    assert set(contract.paths) == set(inferred.contract.paths)
    assert differences(contract, read) == (set(), set())
    for text in [*sql.values(), *strings(documents)]:
        DBT.parse(text)
    relations = [*gates(documents), *(Path(path).stem for path in sql)]
    assert len(set(relations)) == len(relations)
    assert max(len(name.encode()) for name in relations) <= LONGEST_IN_POSTGRES
    accepted = {
        tuple(DBT.from_string(value).render() for value in found) for found in accepted_values(documents)
    }
    assert {values for values in accepted if values != inferred.kinds} <= set(inferred.values.values())


def contract_of(text: str, inferred: Inferred) -> Any:
    """The contract that a sources file holds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sources.yml"
        file.write_text(text)
        return read_contract(file, "trial", "events" if inferred.kinds else "records")


def strings(value: Any) -> Iterator[str]:
    """Every text in a document, keys too."""
    if isinstance(value, str):
        yield value
    for item in (
        [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    ):
        yield from strings(item)


def gates(value: Any) -> list[str]:
    """The names of gates in documents."""
    found = []
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        found += gates(inner)
    if isinstance(value, dict):
        found += [
            test["name"]
            for item in value.get("data_tests", [])
            if isinstance(item, dict)
            for test in item.values()
        ]
    return found


def accepted_values(value: Any) -> Iterator[list[str]]:
    """The values of each accepted_values gate in documents."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "accepted_values":
                yield inner["arguments"]["values"]
            else:
                yield from accepted_values(inner)
    for item in value if isinstance(value, list) else []:
        yield from accepted_values(item)


@pytest.mark.parametrize(
    "value",
    [
        [{"id": None}],
        [{}],
        [{"a": None, "b": [{"c": None}]}],
        [{"b": [{"c": None}, {"c": 1}]}, {"d": None}],
        [[{"a": 1}]],
        [[], [None]],
        [None, {"a": None}],
        [{"a": {}}],
        [{"a": {"b": None}}],
        [{"": 1}],
        [1, {"a": 1}],
        [],
        {},
        {"a": {}},
        {"a": [{"b": []}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["id", "lines"])
def test_arrays_and_objects_that_hold_little(key: str, value: Any) -> None:
    """What is always null, absent or empty, alone and in arrays, is declared nowhere or read by a model."""
    for records in (
        [{key: value}],
        [{"id": n, "created_at": "2026-01-01T00:00:00Z", key: value} for n in range(12)],
    ):
        hold(infer(records))


@given(RECORDS)
@QUICK
def test_odd_samples(records: list[dict[str, Any]]) -> None:
    """Any sample gives files that hold together, or is refused with a reason."""
    hold(inferred_from(records))


@pytest.mark.slow
@given(RECORDS)
@THOUSAND
def test_a_thousand_samples(records: list[dict[str, Any]]) -> None:
    """A thousand samples: each gives files that hold together, or is refused with a reason."""
    hold(inferred_from(records))


@pytest.mark.parametrize("seed", range(8))
def test_every_odd_key_and_value(seed: int) -> None:
    """Samples made of nothing but odd keys and values hold, and landing leaves no person in them."""
    records = odd_samples.odd_sample(seed)
    inferred = infer(records)
    hold(inferred)

    minimiser = Minimiser(inferred.contract, b"key")
    landed = [minimiser.minimise(odd_samples.as_line(record), record, None) for record in records]
    assert odd_samples.PERSON.encode() not in b"".join(landed)


@pytest.mark.parametrize("text", [*odd_samples.KEYS, *odd_samples.TEXTS])
def test_yaml_values_read_back(text: str) -> None:
    """A text is itself as a scalar, in a list, as a key, and in front of a remark."""
    written = yaml_value(text)

    assert yaml.load(f"a: {written}\nb: 1 # remark", LOADER) == {"a": text, "b": 1}
    assert yaml.load(f"- {{{written}: [{written}, x]}}", LOADER) == [{text: [text, "x"]}]
    assert not re.search(r"[\n\r]", written)
