"""Made-up records that keep or break a contract, for unit tests: no value of the sample is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headgate.contract import EACH, Contract, PathRule, Step
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.observe import can_be_column
from headgate.scaffold.quoting import json_text
from headgate.scaffold.typed import Model

_VALUES: dict[str, Any] = {
    "string": "text",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "timestamp": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    **{name: 1_767_225_600 * unit for name, unit in EPOCH_UNITS.items()},
    "any": "anything",
}
#: What a value becomes, where it does not stay as it is.
_TYPED = dict.fromkeys(EPOCH_UNITS, "2026-01-01T00:00:00Z")
#: A value of another JSON type than the key's, and what jsonb_typeof calls it.
_WRONG: dict[str, tuple[Any, str]] = {
    "string": (1, "number"),
    **dict.fromkeys(("timestamp", "date", *EPOCH_UNITS), (True, "boolean")),
}
_OTHERWISE = ("wrong", "string")


def example_record(rules: Iterable[PathRule], model: Model) -> dict[str, Any]:
    """A record that has every declared path of the model's kind, with one element in each array."""
    record: dict[str, Any] = {}
    applying = [rule for rule in rules if model.kind is None or rule.applies_to(model.kind)]
    for rule in sorted(applying, key=lambda rule: len(rule.steps)):
        _put(record, rule.steps, _VALUES.get(rule.type), rule.type)
    return record


def expected_row(model: Model) -> dict[str, Any]:
    """What the model makes of the example; without columns of JSON."""
    row: dict[str, Any] = {}
    for column in model.columns:
        if column.json_type in ("position", "count"):
            row[column.name] = 1
        elif column.json_type in _VALUES and column.json_type != "any":
            row[column.name] = _TYPED.get(column.json_type, _VALUES[column.json_type])
    return row


def broken_record(contract: Contract) -> dict[str, str]:
    """A declared path, a record that keeps it, one that breaks it, and the reason that is given.

    Nothing breaks a value that may be anything. Where all may be, the reason is empty and both are sound.
    """
    envelope = {contract.envelope.identity, contract.envelope.kind, contract.envelope.time}
    # A scalar if there is one, and not of the envelope.
    rule = min(
        (rule for rule in contract.paths if rule.type != "any" and all(map(_is_plain, rule.steps))),
        key=lambda rule: (rule.type in ("object", "array"), rule.path in envelope),
        default=contract.paths[0],
    )
    wrong, called = _WRONG.get(rule.type, _OTHERWISE)
    sound: dict[str, Any] = {}
    broken: dict[str, Any] = {}
    _put(sound, rule.steps, _VALUES.get(rule.type), rule.type)
    _put(broken, rule.steps, wrong, "string")
    breakable = rule.type != "any" and all(map(_is_plain, rule.steps))
    return {
        "path": rule.path,
        "type": rule.type,
        "sound": json_text(sound),
        "record": json_text(broken if breakable else sound),
        "reason": f"{rule.path}: expected {rule.type}, found {called}" if breakable else "",
    }


def _is_plain(step: Step) -> bool:
    """Whether a step is a key that can stand in a file as it is."""
    return isinstance(step, str) and can_be_column(step)


def _put(record: dict[str, Any], steps: Sequence[Step], value: Any, json_type: str) -> None:
    """Puts a value at a path, and makes objects and arrays on the way; what stands there otherwise stays."""
    empty: Any = {} if json_type == "object" else [] if json_type == "array" else value
    place: Any = record
    last = object()
    for step, following in zip(steps, [*steps[1:], last], strict=True):
        new: Any = empty if following is last else [] if following is EACH else {}
        if not isinstance(place, list if step is EACH else dict):
            return
        if step is EACH:
            if not place:
                place.append(new)
            place = place[0]
        else:
            place = place.setdefault(step, new)
