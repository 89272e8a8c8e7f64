"""What a staging model is made of: columns, unpackings, and the tree of declared paths behind them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from headgate.contract import EACH, PathRule, Step
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.observe import can_be_column
from headgate.scaffold.quoting import jinja_text, sql_name
from headgate.scaffold.reserved import RESERVED, SYSTEM_COLUMNS

#: What a field is unpacked as. A number may be written 1.0, which is no bigint until it is cast.
SQL_TYPES = {
    "string": "text",
    "integer": "numeric",
    "number": "numeric",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
    **dict.fromkeys(EPOCH_UNITS, "text"),
}
#: Groups of columns, in the order in which models have them.
GROUPS = ("ids", "strings", "numerics", "booleans", "timestamps", "json")
#: Columns that every model has, that say which load a row is of, and that PostgreSQL gives every table.
TAKEN = frozenset(
    {"load_id", "source_name"}
    | {"record_id", "partition_start", "line_number", "recorded_at", "record_type", "record"}
    | SYSTEM_COLUMNS
)
#: Of the reserved words, those that sqlfluff wants without quotes behind a dot, where any word may stand.
_BARE_BEHIND_A_DOT = frozenset(("collation", "current_user", "system_user", "table", "user"))
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """A column of a staging model."""

    name: str
    #: SQL that computes it.
    expression: str
    #: One of GROUPS.
    group: str
    description: str
    #: Where its value stands, seen from the record, and what it is there.
    path: str
    json_type: str
    required: bool = False
    #: Whether the value was replaced by an HMAC.
    personal: bool = False


@dataclass(frozen=True)
class Lateral:
    """One unpacking: the fields of an object, or the elements of an array."""

    #: json_fields or json_elements.
    macro: str
    of: str
    alias: str
    #: What stands in the alias's brackets.
    columns: tuple[str, ...]

    @property
    def call(self) -> str:
        """The macro's call."""
        return f"{self.macro}({jinja_text(self.of)})"


@dataclass(frozen=True)
class Model:
    """A staging model: a kind's records, or the elements of an array in them."""

    #: What follows `stg_<source>__`.
    suffix: str
    #: None: all records.
    kind: str | None
    #: Path of the array whose elements are its rows; empty: records are.
    array: str
    laterals: tuple[Lateral, ...]
    columns: tuple[Column, ...]
    #: Columns with the positions of elements.
    positions: tuple[str, ...] = ()
    #: Of a model that would be too wide: which of its parts it is, and of how many.
    part: tuple[int, int] = (1, 1)

    @property
    def key(self) -> list[str]:
        """The columns that tell its rows apart."""
        return ["record_id", *self.positions]


@dataclass
class Node:
    """A declared path and what is declared inside of it."""

    rule: PathRule | None
    children: dict[Step, Node] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Node]:
        """What is declared under keys that can be columns."""
        return {
            key: child
            for key, child in self.children.items()
            if isinstance(key, str) and child.rule and can_be_column(key)
        }

    @property
    def elements(self) -> Node | None:
        """The declared elements of an array of objects."""
        found = self.children.get(EACH)
        return found if found and found.rule and found.fields else None


def quoted_key(key: str) -> str:
    """A key as a column of jsonb_to_record: in quotes where SQL needs them."""
    return key if _PLAIN.fullmatch(key) and key not in RESERVED else sql_name(key)


def qualified_key(alias: str, key: str) -> str:
    """That column behind the name of its relation."""
    return f"{alias}.{key if key in _BARE_BEHIND_A_DOT else quoted_key(key)}"
