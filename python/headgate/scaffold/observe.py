"""Walks records and counts what is at each path: pure, and the same for any order of the records."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.landing.times import parse_time

#: Steps of a path beyond which a value stays JSON.
DEEPEST = 8
#: Arrays inside arrays beyond which elements stay JSON.
DEEPEST_ARRAYS = 2
#: Elements of an array that are looked at.
ELEMENTS = 50
#: Different strings of a path that are remembered.
VALUES = 60
#: Keys that an object has before they are taken for data, such as ids or dates, instead of names.
MOST_KEYS = 100

BIGINT = 2**63
#: What can stand in a path, in a jsonpath and in SQL.
KEY = re.compile(r"[^.\[\]\s\"'\\,(){}]{1,60}")
#: Reserved in PostgreSQL and not in sqlfluff: quoted or not, one of them would complain.
UNUSABLE = frozenset({"collation", "current_user", "system_user", "table"})
_DATA_KEY = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|\d{4}-\d\d(-\d\d)?")
#: The contract's timestamp, as macros/contract/timestamp_pattern.sql has it; days are looked at apart.
_TIMESTAMP = re.compile(
    r"(19|20)\d\d[-/]\d\d[-/]\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.]\d{1,9})?"
    r"(Z| ?[+-](0\d|1[0-4]):?[0-5]\d)"
)


@dataclass
class Seen:
    """What was seen at one path of the records of one kind."""

    #: Objects that could have held it.
    parents: int = 0
    nulls: int = 0
    types: Counter[str] = field(default_factory=Counter)
    #: Of strings: each one's count, up to a limit; and whether there were more.
    values: Counter[str] = field(default_factory=Counter)
    overflowed: bool = False
    #: Keys of objects.
    keys: Counter[str] = field(default_factory=Counter)

    @property
    def present(self) -> int:
        """How often there was something that is not null."""
        return self.types.total()

    @property
    def type(self) -> str:
        """The contract's type of everything that was seen."""
        kinds = set(self.types)
        if kinds == {"integer", "number"}:
            return "number"
        if kinds == {"string", "timestamp"}:
            return "string"
        return kinds.pop() if len(kinds) == 1 else "any"

    @property
    def holds_data_as_keys(self) -> bool:
        """Whether the keys of an object are data, such as ids or dates, not names."""
        named = [key for key in self.keys if _DATA_KEY.fullmatch(key)]
        return len(self.keys) > MOST_KEYS or (len(self.keys) > 2 and 2 * len(named) > len(self.keys))

    @property
    def always(self) -> bool:
        """Whether it was there, and not null, wherever it could be."""
        return self.present > 0 and self.present == self.parents


#: The path of the record itself.
ROOT = ""
#: Path -> what was seen there.
Observed = dict[str, Seen]


def observe(records: Iterable[Mapping[str, Any]]) -> Observed:
    """What is at each path of the records; keys that are data, and what lies too deep, are not entered."""
    observed: Observed = defaultdict(Seen)
    for record in records:
        observed[ROOT].types["object"] += 1
        _object(ROOT, record, observed, 0)
    for path in [path for path, seen in observed.items() if path and seen.holds_data_as_keys]:
        for below in [other for other in observed if other.startswith(f"{path}.")]:
            del observed[below]
    for path, seen in observed.items():
        seen.parents = _parents(path, seen, observed)
    return dict(observed)


def is_name(key: str) -> bool:
    """Whether a key can be declared and become a column."""
    return KEY.fullmatch(key) is not None and key not in UNUSABLE


def type_of(value: Any) -> str:
    """The contract's type of one value, `null` too."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer" if -BIGINT <= value < BIGINT else "number"
        case float():
            return "number"
        case str():
            return "timestamp" if is_timestamp(value) else "string"
        case dict():
            return "object"
        case _:
            return "array"


def is_timestamp(text: str) -> bool:
    """Whether a string is an instant that PostgreSQL takes and that says its zone."""
    return _TIMESTAMP.fullmatch(text) is not None and parse_time(text) is not None


def _object(path: str, value: Mapping[str, Any], observed: Observed, depth: int, arrays: int = 0) -> None:
    for key, child in value.items():
        observed[path].keys[key] += 1
        if is_name(key) and depth < DEEPEST:
            _value(f"{path}.{key}" if path else key, child, observed, depth + 1, arrays)


def _value(path: str, value: Any, observed: Observed, depth: int, arrays: int) -> None:
    seen = observed[path]
    kind = type_of(value)
    if kind == "null":
        seen.nulls += 1
        return
    seen.types[kind] += 1
    if isinstance(value, str):
        if value in seen.values or len(seen.values) < VALUES:
            seen.values[value] += 1
        else:
            seen.overflowed = True
    elif isinstance(value, dict):
        _object(path, value, observed, depth, arrays)
    elif isinstance(value, list) and arrays < DEEPEST_ARRAYS and depth < DEEPEST:
        for element in value[:ELEMENTS]:
            _value(f"{path}[]", element, observed, depth + 1, arrays + 1)


def _parents(path: str, seen: Seen, observed: Observed) -> int:
    if path.endswith("[]"):
        return seen.present + seen.nulls
    return observed[path.rpartition(".")[0]].types["object"] if path else seen.present
