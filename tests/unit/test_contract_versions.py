"""Changes of a contract: additive or breaking, by path, and whether its version was raised."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from headgate.contract import load_contract
from headgate.contract.declared import Contract, parse_contract
from headgate.contract.versions import contract_changes, version_problem
from tests.support import ROOT

BASE: dict[str, Any] = {
    "version": 1,
    "envelope": {"identity": "id", "kind": "type", "time": "created_at"},
    "time_tolerance_hours": 1,
    "paths": [
        {"path": "id", "type": "string", "required": True},
        {"path": "payload.size", "type": "integer", "kinds": ["PushEvent"]},
        {"path": "payload.ref", "type": "string", "kinds": ["PushEvent", "DeleteEvent"]},
    ],
}


def contract(version: int = 1, drop: str = "", add: Any = (), **rule: Any) -> Contract:
    """BASE with payload.size changed by `rule`, without the path `drop`, with the paths `add`."""
    declared = copy.deepcopy(BASE)
    declared["version"] = version
    declared["paths"][1] |= rule
    declared["paths"] = [path for path in declared["paths"] if path["path"] != drop] + list(add)
    return parse_contract(declared, Path("contract.yml"))


def words(after: Contract) -> list[tuple[str, bool]]:
    """The changes from BASE, as (sentence, breaking)."""
    return [(change.sentence(), change.breaking) for change in contract_changes("trial", contract(), after)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (contract(), []),
        (contract(description="words are no change"), []),
        (
            contract(add=[{"path": "org", "type": "object"}]),
            [("added path org: none -> optional object", False)],
        ),
        (
            contract(add=[{"path": "org", "type": "object", "required": True}]),
            [("added path org: none -> required object", True)],
        ),
        (
            contract(drop="payload.ref"),
            [("removed path payload.ref (DeleteEvent, PushEvent): optional string -> none", True)],
        ),
        (
            contract(type="string"),
            [("retyped path payload.size (PushEvent): integer -> string", True)],
        ),
        (
            contract(type="number"),
            [("widened path payload.size (PushEvent): integer -> number", False)],
        ),
        (
            contract(required=True),
            [("changed path payload.size (PushEvent): optional -> required", True)],
        ),
        (
            contract(kinds=["PushEvent", "CreateEvent"]),
            [("added path payload.size (CreateEvent): none -> optional integer", False)],
        ),
        (
            contract(generations=["events"]),
            [("removed path payload.size (PushEvent of others): optional integer -> none", True)],
        ),
        (contract(pii="hmac"), [("changed privacy of path payload.size (PushEvent): kept -> hmac", True)]),
    ],
)
def test_changes(after: Contract, expected: list[tuple[str, bool]]) -> None:
    """One of each kind."""
    assert words(after) == expected


def test_a_new_generation_breaks_nothing() -> None:
    """Whatever is required of it: its records were refused before."""
    rule = {"path": "org", "type": "object", "required": True}
    old = contract(add=[{**rule, "generations": ["events"]}])
    new = contract(add=[{**rule, "generations": ["events", "events_slim"]}])
    found = contract_changes("trial", old, new)
    assert [(change.sentence(), change.breaking) for change in found] == [
        ("added path org (events_slim): none -> required object", False)
    ]


def test_a_generation_that_lacks_a_path_of_all_others_breaks_nothing() -> None:
    """The path is required of every generation that was named, before and after."""
    named = {"path": "org", "type": "object", "generations": ["events"]}
    of_all = {"path": "ref", "type": "string", "required": True}
    old = contract(add=[named, of_all])
    new = contract(add=[{**named, "generations": ["early", "events"]}, {**of_all, "generations": ["events"]}])
    found = contract_changes("trial", old, new)
    assert [(change.sentence(), change.breaking) for change in found] == [
        ("added path org (early): none -> optional object", False),
        ("removed path ref (early): required string -> none", False),
    ]


def test_a_change_without_a_raised_version_is_named() -> None:
    """With the version to set; a lowered one too."""
    after = contract(required=True)
    problem = version_problem("trial", contract(), after, contract_changes("trial", contract(), after))
    assert problem is not None
    assert "payload.size" in problem
    assert "set version: 2" in problem
    raised = contract(2, required=True)
    assert version_problem("trial", contract(), raised, contract_changes("trial", contract(), raised)) is None
    assert "raise it to 3" in str(version_problem("trial", contract(2), contract(), []))
    assert version_problem("trial", contract(), contract(), []) is None


def test_the_projects_own_contract_equals_itself() -> None:
    """Nothing changes where nothing is changed."""
    own = load_contract(ROOT, "gharchive", "events")
    assert contract_changes("gharchive", own, own) == []
