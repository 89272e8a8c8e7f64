"""What of a statement has a part in some of its columns.

A statement is taken apart into a frame (joins, filters, groups: what decides which rows there are) and the
expressions that stand in its select lists. A slice is the frame with those expressions that the wanted
columns are computed from, told by name: an expression is kept when anything that is kept mentions its name.
So a slice may hold too much, and never too little, whatever the statement's schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headgate.definitions.catalog import ALL
from headgate.definitions.normal_form import (
    grouped_by,
    needs_whole_rows,
    normalise,
    tables_by_place,
    told_by_place,
)

#: Where a select is one step of the statement and not part of an expression or a condition.
_STEPS = (exp.With, exp.CTE, exp.Subquery, exp.From, exp.Join, exp.Lateral, exp.Union, exp.Select)


@dataclass(frozen=True)
class Part:
    """One expression of a select list: the name it gives its column, its SQL, the names it mentions.

    The SQL begins with the number of its select and, where that means something, its place there.
    """

    name: str
    sql: str
    mentions: frozenset[str]


@dataclass(frozen=True)
class Statement:
    """A statement taken apart. `text` is the whole of it, without comments and layout."""

    text: str
    frame: str
    frame_mentions: frozenset[str]
    parts: tuple[Part, ...]
    #: Tables the order of whose columns has a part in it: `select * from one union all select * from other`.
    tables_by_place: frozenset[str] = frozenset()

    def slice(self, names: Iterable[str]) -> tuple[str, frozenset[str]]:
        """(text of the slice, names that it mentions) for the columns `names`; ALL stands for all."""
        wanted = set(names)
        if ALL in wanted | self.frame_mentions:
            return self.text, frozenset([ALL])
        needed = wanted | self.frame_mentions
        kept: set[int] = set()
        grew = True
        while grew:
            grew = False
            for number, part in enumerate(self.parts):
                if number not in kept and (part.name == ALL or part.name in needed):
                    kept.add(number)
                    needed |= part.mentions
                    grew = True
        chosen = "\n".join(sorted(self.parts[number].sql for number in kept))
        return f"{self.frame}\n{chosen}", frozenset(needed)


def take_apart(sql: str) -> Statement:
    """A statement in PostgreSQL's dialect; one that cannot be parsed has a frame of its text and no parts."""
    try:
        tree = sqlglot.parse_one(sql, dialect="postgres")
    except SqlglotError:
        text = " ".join(" ".join(line.split("--")[0] for line in sql.splitlines()).split())
        return Statement(text, text, frozenset([ALL]), ())
    normalise(tree)
    text, by_place = _sql(tree), tables_by_place(tree)
    parts = [] if needs_whole_rows(tree) else [*_columns_of_records(tree), *_select_lists(tree)]
    return Statement(text, _sql(tree), _mentions(tree), tuple(parts), by_place)


def _select_lists(tree: exp.Expr) -> Iterator[Part]:
    """Takes the expressions out of every select list that can do without some of them."""
    cut = [found for found in tree.find_all(exp.Select) if _can_be_cut(found)]
    # Told before the first is cut: branches of a union are named by another select.
    names = [_output_names(select) for select in cut]
    by_place = told_by_place(tree)
    for number, select in enumerate(cut):
        expressions = select.expressions
        select.set("expressions", [exp.Placeholder()])
        for place, (name, expression) in enumerate(zip(names[number], expressions, strict=True)):
            inner = expression.this if isinstance(expression, exp.Alias) else expression
            where = f"{number}.{place}" if id(select) in by_place else str(number)
            yield Part(name, f"{where}: {name} = {_sql(inner)}", _mentions(inner))


def _columns_of_records(tree: exp.Expr) -> Iterator[Part]:
    """Takes out the columns that a record is unpacked into: `as payload (size bigint, ref text)`."""
    for alias in list(tree.find_all(exp.TableAlias)):
        columns = alias.args.get("columns") or []
        if columns and all(isinstance(column, exp.ColumnDef) for column in columns):
            alias.set("columns", [])
            for column in columns:
                yield Part(column.name, f"{alias.name}.{_sql(column)}", frozenset())


def _can_be_cut(select: exp.Select) -> bool:
    """Whether dropping an expression leaves the rows as they are, and its place in the list means nothing."""
    if select.args.get("distinct") or any(isinstance(item, exp.Literal) for item in grouped_by(select)):
        return False
    if select.parent is not None and _names_columns(select.parent.args.get("alias")):
        return False
    node: exp.Expr = select
    while node.parent is not None:
        if node.arg_key == "expressions" and isinstance(node.parent, exp.Select):
            return False
        node = node.parent
        if not isinstance(node, _STEPS) or (isinstance(node, exp.Union) and node.args.get("distinct")):
            return False
    return True


def _names_columns(alias: object) -> bool:
    """Whether an alias names the columns too: `step (a, b) as (...)`."""
    return isinstance(alias, exp.TableAlias) and bool(alias.args.get("columns"))


def _output_names(select: exp.Select) -> list[str]:
    """The names of a select's columns; in a union those of its first branch, by place."""
    first = select
    while isinstance(first.parent, exp.Union) and first.arg_key == "expression":
        first = _first_select(first.parent)
    own = [ALL if item.is_star else item.alias_or_name for item in select.expressions]
    names = [ALL if item.is_star else item.alias_or_name for item in first.expressions]
    if names == [""] * len(names) or ALL in own or ALL in names or len(own) != len(names):
        names = own
    # An expression without a name is one that nothing can mention: it always stays.
    return [name or ALL for name in names]


def _first_select(union: exp.Union) -> exp.Select:
    found: exp.Expr = union
    while isinstance(found, exp.Union):
        found = found.this
    return found if isinstance(found, exp.Select) else exp.Select()


def _mentions(tree: exp.Expr) -> frozenset[str]:
    return frozenset(name.name for name in tree.find_all(exp.Identifier))


def _sql(tree: exp.Expr) -> str:
    return tree.sql(dialect="postgres", comments=False)
