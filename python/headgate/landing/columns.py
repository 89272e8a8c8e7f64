"""What a contract says of the keys of the record itself."""

from __future__ import annotations

from headgate.contract import Contract


def column_types(contract: Contract) -> dict[str, str]:
    """The type of each top-level key that the contract gives one type only."""
    types: dict[str, set[str]] = {}
    for rule in contract.paths:
        if len(rule.steps) == 1:
            types.setdefault(str(rule.steps[0]), set()).add(rule.type)
    return {name: found.pop() for name, found in types.items() if len(found) == 1}


def top_level_keys(contract: Contract) -> frozenset[str]:
    """The keys of the record that the contract names, or names something below."""
    return frozenset(str(rule.steps[0]) for rule in contract.paths)
