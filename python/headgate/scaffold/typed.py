"""The staging models that a contract asks for: which columns they have, and how these are unpacked.

Pure: from declared paths to models. Objects are unpacked once; an array of objects has a model of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headgate.contract import Contract, PathRule
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.names import snake_case

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
_GROUP_OF = {
    "string": "strings",
    "integer": "numerics",
    "number": "numerics",
    "boolean": "booleans",
    "timestamp": "timestamps",
    "date": "timestamps",
    **dict.fromkeys(EPOCH_UNITS, "timestamps"),
}
#: Objects that say nothing by their name: columns are not called after them.
_WRAPPERS = frozenset({"payload", "data", "body", "attributes", "properties"})
#: Columns that every model has.
TAKEN = frozenset({"record_id", "partition_start", "line_number", "recorded_at", "record_type", "record"})
#: PostgreSQL cuts longer names.
LONGEST = 60
_SQL_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check
collate collation column commutator concurrently connect constraint create cross current_catalog
current_date current_role current_schema current_time current_timestamp current_user default
deferrable desc distinct do else end except false fetch for foreign freeze from full grant group
hashes having ilike in initially inner intersect into is isnull join lateral leading left like limit
localtime localtimestamp merges natural negator not notnull null offset on only or order outer
overlaps placing primary references returning right rightarg select session_user similar some
symmetric system_user table tablesample then to trailing true union unique user using variadic
verbose when where window with
"""
#: Words that SQL reserves, in PostgreSQL or for sqlfluff: keys called so are quoted.
RESERVED = frozenset(_SQL_WORDS.split())
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
    columns: str

    @property
    def call(self) -> str:
        """The macro's call."""
        return f"{self.macro}('{self.of}')"


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

    @property
    def key(self) -> list[str]:
        """The columns that tell its rows apart."""
        return ["record_id", *self.positions]


@dataclass
class Node:
    """A declared path and what is declared inside of it."""

    rule: PathRule | None
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def has_fields(self) -> bool:
        """Whether it is an object whose fields are declared."""
        return bool(self.children) and "[]" not in self.children

    @property
    def elements(self) -> Node | None:
        """The declared elements of an array of objects."""
        found = self.children.get("[]")
        return found if found and found.has_fields else None


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
    listed: list[str | None] = list(kinds) if kinds else [None]
    for kind in listed:
        rules = [rule for rule in contract.paths if kind is None or rule.applies_to(kind)]
        tree = _tree(rules)
        suffix = _plural(snake_case(kind)) if kind else entity
        for array in ["", *_arrays(tree)]:
            found.append(_Unpacking(tree, array, known).model(_named(suffix, array, found), kind))
    return found


def quoted_key(key: str) -> str:
    """A key as a column of jsonb_to_record: in quotes where SQL needs them."""
    return key if _PLAIN.fullmatch(key) and key not in RESERVED else f'"{key}"'


def _tree(rules: Sequence[PathRule]) -> Node:
    root = Node(None)
    for rule in sorted(rules, key=lambda rule: rule.path):
        node = root
        for step in _steps(rule.path):
            node = node.children.setdefault(step, Node(None))
        node.rule = rule
    return root


def _steps(path: str) -> list[str]:
    return path.replace("[]", ".[]").split(".")


def _arrays(node: Node, path: str = "") -> Iterator[str]:
    """Paths of arrays of objects, outer ones first."""
    if node.elements:
        yield path
        yield from _arrays(node.elements, f"{path}[]")
    for key, child in node.children.items():
        if key != "[]":
            yield from _arrays(child, f"{path}.{key}" if path else key)


class _Unpacking:
    """Unpacks records down to the fields of one model."""

    def __init__(self, tree: Node, array: str, known: set[str | None]) -> None:
        self.array = array
        self.known = known
        self.laterals: list[Lateral] = []
        self.columns: list[Column] = []
        self.positions: list[str] = []
        self._aliases: set[str] = {"records", "typed"}
        self._tree = tree

    def model(self, suffix: str, kind: str | None) -> Model:
        """The model, with everything that leads to it."""
        self._object(
            self._tree, "records.record", "", "root", _steps(f"{self.array}[]") if self.array else []
        )
        ordered = sorted(self.columns, key=lambda column: GROUPS.index(column.group))
        return Model(suffix, kind, self.array, tuple(self.laterals), tuple(ordered), tuple(self.positions))

    def _object(
        self, node: Node, of: str, path: str, name: str, way: list[str], *, surely: bool = True
    ) -> None:
        """Unpacks an object, which is there `surely` or not; on the way to an array only what leads there."""
        alias = self._alias(name)
        wanted = {way[0]: node.children[way[0]]} if way else self._wanted(node, path)
        if not wanted:
            return
        fields = ", ".join(f"{quoted_key(key)} {_column_type(child)}" for key, child in wanted.items())
        self.laterals.append(Lateral("json_fields", of, alias, fields))
        for key, child in wanted.items():
            inside, reference = f"{path}.{key}" if path else key, f"{alias}.{quoted_key(key)}"
            if not way:
                self._value(child, reference, inside, surely)
            elif way[1:2] == ["[]"]:
                self._elements(child, reference, inside, way[2:])
            else:
                self._object(child, reference, inside, self._object_name(inside), way[1:])

    def _elements(self, node: Node, of: str, path: str, way: list[str]) -> None:
        """Unpacks the elements of an array."""
        elements = node.elements
        assert elements is not None, "arrays with a model have objects as elements"
        steps = [step for step in path.replace("[]", "").split(".") if step not in _WRAPPERS]
        step = snake_case(steps[-1]) if steps else "elements"
        alias = self._alias(step)
        self.laterals.append(Lateral("json_elements", of, alias, "element, position"))
        position = self._free(f"{_singular(step)}_position")
        self.positions.append(position)
        self.columns.append(
            Column(position, f"{alias}.position", "ids", f"Position in `{path}`, from 1.", "", "position")
        )
        self._object(elements, f"{alias}.element", f"{path}[]", f"{_singular(step)}_fields", way)

    def _wanted(self, node: Node, path: str) -> dict[str, Node]:
        """The fields of an object that the model is about; the envelope has columns of its own."""
        return {
            key: child
            for key, child in node.children.items()
            if child.rule and (f"{path}.{key}" if path else key) not in self.known
        }

    def _value(self, node: Node, reference: str, path: str, surely: bool) -> None:
        rule = node.rule
        assert rule is not None, "every wanted field is declared"
        surely = surely and rule.required
        if rule.type == "object" and node.has_fields:
            self._object(node, reference, path, self._object_name(path), [], surely=surely)
        elif rule.type == "array" and node.elements:
            name = self._column_name(path, "_count")
            said = f"Number of elements of `{path}`; null where there is no array."
            self.columns.append(
                Column(
                    name,
                    f"{{{{ json_length('{reference}') }}}}",
                    "numerics",
                    said,
                    path,
                    "count",
                    rule.required,
                )
            )
        else:
            self._scalar(rule, reference, path, surely)

    def _scalar(self, rule: PathRule, reference: str, path: str, surely: bool) -> None:
        name = self._column_name(path)
        group = _GROUP_OF.get(rule.type, "json")
        if group in ("strings", "numerics") and (name == "id" or name.endswith("_id")):
            group = "ids"
        said = f"`{path}` of the record"
        if rule.pii:
            said += "; personal data, replaced by its HMAC before it landed"
        elif not surely:
            said += "; null where it has none"
        column = Column(
            name,
            cast_to(reference, rule.type),
            group,
            f"{said}.",
            path,
            rule.type,
            surely,
            personal=rule.pii is not None,
        )
        self.columns.append(column)

    def _object_name(self, path: str) -> str:
        return snake_case(path.rpartition(".")[2].replace("[]", ""))

    def _column_name(self, path: str, ending: str = "") -> str:
        inside = path.removeprefix(f"{self.array}[].") if self.array else path
        steps = [snake_case(step) for step in inside.replace("[]", "").split(".")]
        if len(steps) > 1 and steps[0] in _WRAPPERS:
            steps = steps[1:]
        name = "_".join(step for step in steps if step) or "value"
        name = name if name[0].isalpha() else f"n_{name}"
        return self._free(f"{name}{ending}")

    def _free(self, name: str) -> str:
        name = f"{name}_value" if name in RESERVED or name in TAKEN else name
        return _unused(name, {column.name for column in self.columns})

    def _alias(self, name: str) -> str:
        found = _unused(f"{name}_fields" if name in RESERVED else name or "fields", self._aliases)
        self._aliases.add(found)
        return found


def _unused(name: str, taken: set[str] | frozenset[str]) -> str:
    name = name[:LONGEST].rstrip("_")
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _named(suffix: str, array: str, others: Sequence[Model]) -> str:
    """A model's name after `stg_<source>__`; models that every source has keep theirs."""
    inside = "_".join(
        snake_case(step) for step in array.replace("[]", "").split(".") if step not in _WRAPPERS
    )
    one = _singular(suffix)
    base = suffix if not array else inside if inside.startswith(f"{one}_") else f"{one}_{inside}"
    taken = {model.suffix for model in others} | {"quarantine", "deliveries", "load_outcomes"}
    return _unused(base[:36].rstrip("_"), taken)


def _column_type(node: Node) -> str:
    return "jsonb" if node.children else SQL_TYPES.get(node.rule.type if node.rule else "", "jsonb")


def cast_to(reference: str, json_type: str) -> str:
    """SQL of a field as the column's type."""
    if json_type in EPOCH_UNITS:
        return f"{{{{ json_epoch('{reference}', '{json_type}') }}}}"
    return f"{reference}::bigint" if json_type == "integer" else reference


def _plural(name: str) -> str:
    # `order_created` says what happened, and has no plural.
    if name.endswith(("s", "ed")):
        return name
    if name.endswith(("x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


def _singular(name: str) -> str:
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith(("xes", "ches", "shes", "sses")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
