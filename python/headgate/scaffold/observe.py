"""Walks records and counts what is at each path: pure, and the same for any order of the records."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headgate.contract.paths import child_path, parent_path
from headgate.scaffold.instants import epoch_between, number_of, type_of_text
from headgate.scaffold.names import LONGEST_IN_POSTGRES

#: Steps of a path beyond which nothing is looked for.
DEEPEST = 60
#: Elements of an array that are looked at.
ELEMENTS = 50
#: Different strings of a path that are remembered.
VALUES = 60
#: Keys that an object has before they are taken for data, such as ids or dates, instead of names.
MOST_KEYS = 100

BIGINT = 2**63
#: Control characters, halves of surrogate pairs, separators of lines, what is no character: in no name.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_DATA_KEY = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|\d{4}-\d\d(-\d\d)?")


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
    #: Of whole numbers: the largest, whatever its sign.
    largest: int = 0
    #: Of numbers and of texts that are one: how many, the lowest, the highest.
    numbers: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    #: Keys of objects.
    keys: Counter[str] = field(default_factory=Counter)
    #: What was seen in an object whose keys are data, by path.
    inside: Observed = field(default_factory=dict)

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
        if kinds == {"date", "timestamp"}:
            return "timestamp"
        if kinds <= {"string", "timestamp", "date"} and "string" in kinds:
            return "string"
        return kinds.pop() if len(kinds) == 1 else "any"

    @property
    def epoch(self) -> str | None:
        """The epoch type of which all that was seen might be."""
        return epoch_between(self.lowest, self.highest) if self.numbers == self.present > 0 else None

    def count(self, value: Any, kind: str) -> None:
        """Counts one value, and the number that it is or holds."""
        self.types[kind] += 1
        number = number_of(value)
        if number is not None:
            self.numbers += 1
            self.lowest, self.highest = min(self.lowest, number), max(self.highest, number)

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
    """What is at each path of the records; what is under keys that are data lies inside of their object."""
    observed: Observed = defaultdict(Seen)
    for record in records:
        observed[ROOT].types["object"] += 1
        _object(ROOT, record, observed, 0)
    for path in [path for path, seen in observed.items() if path and seen.holds_data_as_keys]:
        if path not in observed:
            continue
        for below in [other for other in observed if other.startswith(f"{path}.")]:
            observed[path].inside[below] = observed.pop(below)
    for path, seen in observed.items():
        seen.parents = _parents(path, seen, observed)
    return dict(observed)


@lru_cache(maxsize=65_536)
def can_land(key: str) -> bool:
    """Whether PostgreSQL takes a record with such a key."""
    return "\0" not in key and not any(0xD800 <= ord(mark) < 0xE000 for mark in key)


@lru_cache(maxsize=65_536)
def can_be_column(key: str) -> bool:
    """Whether jsonb_to_record can give the value under a key: it is a name of at most 63 bytes."""
    return (
        bool(key)
        and not any(unicodedata.category(mark) in _UNPRINTABLE for mark in key)
        and len(key.encode()) <= LONGEST_IN_POSTGRES
    )


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
            return type_of_text(value)
        case dict():
            return "object"
        case _:
            return "array"


def _object(path: str, value: Mapping[str, Any], observed: Observed, depth: int) -> None:
    for key, child in value.items():
        observed[path].keys[key] += 1
        if can_land(key) and depth < DEEPEST:
            _value(child_path(path, key), child, observed, depth + 1)


def _value(path: str, value: Any, observed: Observed, depth: int) -> None:
    seen = observed[path]
    kind = type_of(value)
    if kind == "null":
        seen.nulls += 1
        return
    seen.count(value, kind)
    if kind == "integer":
        seen.largest = max(seen.largest, abs(value))
    elif isinstance(value, str):
        if value in seen.values or len(seen.values) < VALUES:
            seen.values[value] += 1
        else:
            seen.overflowed = True
    elif isinstance(value, dict):
        _object(path, value, observed, depth)
    elif isinstance(value, list) and depth < DEEPEST:
        for element in value[:ELEMENTS]:
            _value(f"{path}[]", element, observed, depth + 1)


def _parents(path: str, seen: Seen, observed: Observed) -> int:
    if path.endswith("[]"):
        return seen.present + seen.nulls
    return observed[parent_path(path)].types["object"] if path else seen.present
