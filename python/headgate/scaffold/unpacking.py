"""Unpacks records down to the fields of one staging model: objects once, arrays element by element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headgate.contract import EACH, PathRule, Step, format_path, parse_path
from headgate.contract.paths import child_path, parent_path
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.names import Names, singular, snake_case
from headgate.scaffold.quoting import for_dbt, jinja_text
from headgate.scaffold.reserved import RESERVED
from headgate.scaffold.typed import (
    GROUPS,
    SQL_TYPES,
    TAKEN,
    Column,
    Lateral,
    Model,
    Node,
    qualified_key,
    quoted_key,
)

#: PostgreSQL cuts longer names of columns.
LONGEST = 60
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
WRAPPERS = frozenset({"payload", "data", "body", "attributes", "properties"})


class Unpacking:
    """Unpacks records down to the fields of one model; with `only`, to what stands at these paths."""

    def __init__(
        self, tree: Node, array: str, known: set[str | None], only: frozenset[str] | None = None
    ) -> None:
        self.array = array
        self.known = known
        self.laterals: list[Lateral] = []
        self.columns: list[Column] = []
        self.positions: list[str] = []
        self._names = Names(TAKEN, LONGEST)
        self._aliases = Names({"records", "typed"}, LONGEST)
        self._tree = tree
        self._only = None if only is None else {*only, *(outer for path in only for outer in _around(path))}

    def model(self, kind: str | None) -> Model:
        """The model, with everything that leads to it."""
        way = [*parse_path(self.array), EACH] if self.array else []
        self._object(self._tree, "records.record", "", "root", way)
        ordered = sorted(self.columns, key=lambda column: GROUPS.index(column.group))
        return Model("", kind, self.array, tuple(self.laterals), tuple(ordered), tuple(self.positions))

    def _object(
        self, node: Node, of: str, path: str, name: str, way: Sequence[Step], *, surely: bool = True
    ) -> None:
        """Unpacks an object, which is there `surely` or not; on the way to an array only what leads there."""
        alias = self._alias(name)
        wanted = {str(way[0]): node.children[way[0]]} if way else self._wanted(node, path)
        if not wanted:
            return
        fields = tuple(for_dbt(f"{quoted_key(key)} {_column_type(child)}") for key, child in wanted.items())
        self.laterals.append(Lateral("json_fields", of, alias, fields))
        for key, child in wanted.items():
            inside, reference = child_path(path, key), qualified_key(alias, key)
            if not way:
                self._value(child, reference, inside, surely)
            elif way[1] is EACH:
                self._elements(child, reference, inside, way[2:])
            else:
                self._object(child, reference, inside, key, way[1:])

    def _elements(self, node: Node, of: str, path: str, way: Sequence[Step]) -> None:
        """Unpacks the elements of an array."""
        elements = node.elements
        assert elements is not None, "arrays with a model have objects as elements"
        steps = [step for step in keys(path) if step not in WRAPPERS]
        step = snake_case(steps[-1]) if steps else "elements"
        alias = self._alias(step)
        self.laterals.append(Lateral("json_elements", of, alias, ("element", "position")))
        position = self._free(f"{singular(step) or 'element'}_position")
        self.positions.append(position)
        self.columns.append(
            Column(position, f"{alias}.position", "ids", f"Position in `{path}`, from 1.", "", "position")
        )
        self._object(elements, f"{alias}.element", f"{path}[]", f"{singular(step)}_fields", way)

    def _wanted(self, node: Node, path: str) -> dict[str, Node]:
        """The fields of an object that the model is about; the envelope has columns of its own."""
        return {
            key: child
            for key, child in node.fields.items()
            if (inside := child_path(path, key)) not in self.known
            and (self._only is None or inside in self._only)
        }

    def _value(self, node: Node, reference: str, path: str, surely: bool) -> None:
        rule = node.rule
        assert rule is not None, "every wanted field is declared"
        surely = surely and rule.required
        if rule.type == "object" and self._fields_in(node, path):
            self._object(node, reference, path, keys(path)[-1], [], surely=surely)
        elif rule.type == "array" and node.elements:
            name = self._column_name(path, "_count")
            said = f"Number of elements of `{path}`; null where there is no array."
            length = f"{{{{ json_length({jinja_text(reference)}) }}}}"
            self.columns.append(Column(name, length, "numerics", said, path, "count", rule.required))
        else:
            self._scalar(rule, reference, path, surely)

    def _fields_in(self, node: Node, path: str) -> bool:
        """Whether an object's own fields become columns, and not the object."""
        return any(child_path(path, key) not in self.known for key in node.fields)

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

    def _column_name(self, path: str, ending: str = "") -> str:
        before = len(parse_path(self.array)) + 1 if self.array else 0
        steps = [snake_case(step) for step in keys(format_path(parse_path(path)[before:]))]
        if len(steps) > 1 and steps[0] in WRAPPERS:
            steps = steps[1:]
        return self._free("_".join(step for step in steps if step) or "value", ending)

    def _free(self, name: str, ending: str = "") -> str:
        name = name if name[0].isalpha() else f"n_{name}"
        if f"{name}{ending}" in RESERVED | TAKEN:
            name = f"{name}_value"
        return self._names.give(name, ending)

    def _alias(self, name: str) -> str:
        name = snake_case(name) or "fields"
        name = name if name[0].isalpha() else f"n_{name}"
        return self._aliases.give(f"{name}_fields" if name in RESERVED else name)


def keys(path: str) -> list[str]:
    """The keys of a path, without what stands in brackets."""
    return [step for step in parse_path(path) if isinstance(step, str)]


def _around(path: str) -> Iterator[str]:
    """The paths of everything that a path leads through."""
    while path := parent_path(path):
        yield path


def _column_type(node: Node) -> str:
    return "jsonb" if node.children else SQL_TYPES.get(node.rule.type if node.rule else "", "jsonb")


def cast_to(reference: str, json_type: str) -> str:
    """SQL of a field as the column's type."""
    if json_type in EPOCH_UNITS:
        return f"{{{{ json_epoch({jinja_text(reference)}, '{json_type}') }}}}"
    return for_dbt(f"{reference}::bigint" if json_type == "integer" else reference)
