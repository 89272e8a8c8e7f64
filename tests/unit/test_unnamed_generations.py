"""What models cast is castable in every generation, also where the contract does not ask for the path."""

from __future__ import annotations

import json
from typing import Any

from tests.macros import render


def added(*paths: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules that a contract with these paths gets besides."""
    contract = {"envelope": {"identity": "id", "kind": "type", "time": "at"}, "paths": list(paths)}
    found: list[dict[str, Any]] = json.loads(
        render("{{ tojson(contract_unnamed_generations(contract)) }}", "contract", contract=contract)
    )
    return found


def test_a_contract_without_generations_gets_nothing() -> None:
    """One generation: every rule holds for all records."""
    assert added({"path": "n", "type": "integer", "required": True}) == []


def test_a_path_is_held_to_its_type_in_the_other_generations() -> None:
    """Optional there; for the kinds that have a rule and no others."""
    of_push = {"path": "size", "type": "integer", "required": True, "kinds": ["push"], "generations": ["old"]}

    assert added(of_push, {"path": "id", "type": "string", "generations": ["new"]}) == [
        {"path": "size", "type": "integer", "kinds": ["push"], "generations": ["new"]}
    ]


def test_kinds_with_generations_of_their_own_are_told_apart() -> None:
    """A kind that a rule names for all generations is left out."""
    assert added(
        {"path": "n", "type": "integer", "kinds": ["a"]},
        {"path": "n", "type": "integer", "except_kinds": ["a"], "generations": ["new"]},
        {"path": "x", "type": "string", "generations": ["old"]},
    ) == [{"path": "n", "type": "integer", "except_kinds": ["a"], "generations": ["old"]}]


def test_what_no_model_can_cast_wrongly_is_left_alone() -> None:
    """Texts, objects, paths of several types, and the record's own time, which landing reads."""
    assert (
        added(
            {"path": "text", "type": "string", "generations": ["new"]},
            {"path": "thing", "type": "object", "generations": ["new"]},
            {"path": "both", "type": "integer", "generations": ["new"]},
            {"path": "both", "type": "object", "generations": ["old"]},
            {"path": "at", "type": "timestamp", "generations": ["new"]},
        )
        == []
    )
