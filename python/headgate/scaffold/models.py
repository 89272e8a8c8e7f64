"""The staging models that a contract asks for: one for each kind, and for each array of objects in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from headgate.contract import Contract, PathRule
from headgate.contract.paths import child_path
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.names import Names, plural, singular, snake_case
from headgate.scaffold.typed import Column, Model, Node
from headgate.scaffold.unpacking import WRAPPERS, Unpacking, keys

#: PostgreSQL cuts longer names of models: of what stands behind `stg_<source>__`.
LONGEST_SUFFIX = 32
#: A row fits into one page: bytes of its columns, if every value that can be is stored elsewhere.
WIDEST_ROW = 7_600
_WIDTHS = dict.fromkeys(("integer", "boolean", "timestamp", "date", *EPOCH_UNITS, "count", "position"), 8)
_WIDTH = 24
#: Models that every source has.
_MODELS = ("quarantine", "deliveries", "load_outcomes")


def models_of(contract: Contract, kinds: Sequence[str], entity: str) -> list[Model]:
    """The models of a contract, each before those of the arrays in it.

    Args:
        contract: what is declared.
        kinds: the kinds that get a model each; none: all records get one, called `entity`.
        entity: name of the landing table.
    """
    envelope = contract.envelope
    known = {envelope.identity, envelope.kind if kinds else None, envelope.time}
    found: list[Model] = []
    suffixes = Names(_MODELS, LONGEST_SUFFIX)
    listed: list[str | None] = list(kinds) if kinds else [None]
    for kind in listed:
        rules = [rule for rule in contract.paths if kind is None or rule.applies_to(kind)]
        tree = _tree(rules)
        suffix = (plural(snake_case(kind)) or "others") if kind else entity
        for array in ["", *_arrays(tree)]:
            whole = Unpacking(tree, array, known).model(kind)
            parts = _parts(whole.columns)
            for number, paths in enumerate(parts, 1):
                model = Unpacking(tree, array, known, paths).model(kind) if len(parts) > 1 else whole
                named = suffixes.give(_suffix(suffix, array))
                found.append(replace(model, suffix=named, part=(number, len(parts))))
    return found


def _parts(columns: Sequence[Column]) -> list[frozenset[str]]:
    """Paths of the columns, parted so that each part's row fits into a page."""
    parts: list[set[str]] = [set()]
    width = 0
    for column in columns:
        if column.path:
            width += _WIDTHS.get(column.json_type, _WIDTH)
            if width > WIDEST_ROW:
                parts.append(set())
                width = _WIDTHS.get(column.json_type, _WIDTH)
            parts[-1].add(column.path)
    return [frozenset(part) for part in parts]


def _tree(rules: Sequence[PathRule]) -> Node:
    root = Node(None)
    for rule in sorted(rules, key=lambda rule: rule.path):
        node = root
        for step in rule.steps:
            node = node.children.setdefault(step, Node(None))
        node.rule = rule
    return root


def _arrays(node: Node, path: str = "") -> Iterator[str]:
    """Paths of arrays of objects, outer ones first."""
    if node.elements:
        yield path
        yield from _arrays(node.elements, f"{path}[]")
    for key, child in node.fields.items():
        yield from _arrays(child, child_path(path, key))


def _suffix(suffix: str, array: str) -> str:
    """What a model is called after `stg_<source>__`."""
    if not array:
        return suffix
    inside = "_".join(snake_case(step) for step in keys(array) if step not in WRAPPERS)
    one = singular(suffix)
    return inside if inside.startswith(f"{one}_") else f"{one}_{inside}".rstrip("_")
