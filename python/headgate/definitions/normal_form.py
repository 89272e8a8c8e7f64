"""One form for statements that mean the same: names as PostgreSQL folds them, steps in the order of use.

What a statement calls its steps (CTEs) and tables (aliases) is its own affair: they are numbered in the order
in which the statement comes to them, from its last step on. Steps that nothing reads have no part in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
#: A name that no column has.
_NUMBERED = "relation #{}"


def normalise(tree: exp.Expr) -> None:
    """Puts a statement in its normal form, in place."""
    for name in tree.find_all(exp.Identifier):
        text = name.name if name.quoted else name.name.lower()
        name.set("this", text)
        name.set("quoted", not _PLAIN.fullmatch(text))
    if _steps_are_told_by_name(tree):
        _order_steps(tree)
        if not needs_whole_rows(tree):
            _number_relations(tree)
    by_place = told_by_place(tree)
    for select in tree.find_all(exp.Select):
        if id(select) not in by_place and _is_set(select):
            select.set("expressions", sorted(select.expressions, key=lambda item: str(item.sql())))


def told_by_place(tree: exp.Expr) -> set[int]:
    """The selects (by `id`) the order of whose columns means something.

    Those that a set operation puts one below the other where a `*` stands for different columns, what such a
    `*` stands for, also where it tells distinct rows apart, and those that get their names from an alias.
    """
    named = steps(tree)
    found: set[int] = set()
    for operation in tree.find_all(exp.SetOperation):
        branches = list(_branches(operation))
        # Alike, they are told by name all the same: a column that moves in one moves in all.
        if any(branch.is_star for branch in branches) and len(set(map(_shape, branches))) > 1:
            for branch in branches:
                _add_by_place(branch, named, found)
    for select in tree.find_all(exp.Select):
        if select.args.get("distinct") and select.is_star:
            _add_by_place(select, named, found)
    for alias in tree.find_all(exp.TableAlias):
        if any(isinstance(column, exp.Identifier) for column in alias.args.get("columns") or []):
            _add_by_place(alias.parent.this if alias.parent else None, named, found)
    return found


def _branches(query: exp.Expr) -> Iterator[exp.Expr]:
    """What a set operation puts one below the other, however it is nested."""
    query = query.unnest()
    if isinstance(query, exp.SetOperation):
        yield from _branches(query.this)
        yield from _branches(query.expression)
    else:
        yield query


def _shape(query: exp.Expr) -> tuple[str, ...]:
    """The names of a select's columns by place; of a `*` what it stands for."""
    if not isinstance(query, exp.Select):
        return (query.sql(),)
    sources = {source.alias_or_name: _unnamed(source) for source in sources_of(query)}
    return tuple(
        f"* of {sources.get(item.table) if isinstance(item, exp.Column) else list(sources.values())}"
        if item.is_star
        else item.alias_or_name
        for item in query.expressions
    )


def _unnamed(source: exp.Expr) -> str:
    """The SQL of a table or subquery without its alias."""
    copied = source.copy()
    copied.set("alias", None)
    return copied.sql(dialect="postgres")


def _add_by_place(query: object, named: dict[str, exp.CTE], found: set[int]) -> None:
    """Adds the selects of a query, and those that their `*` stand for."""
    if isinstance(query, exp.SetOperation):
        _add_by_place(query.this.unnest(), named, found)
        _add_by_place(query.expression.unnest(), named, found)
    if not isinstance(query, exp.Select) or id(query) in found:
        return
    found.add(id(query))
    if query.is_star:
        for source in sources_of(query):
            step = named.get(source.name) if isinstance(source, exp.Table) and not source.db else None
            _add_by_place(step.this if step else source.this, named, found)


def tables_by_place(tree: exp.Expr) -> frozenset[str]:
    """Names of the tables that a `*` stands for where the order of columns means something."""
    by_place = told_by_place(tree)
    return frozenset(
        source.name
        for select in tree.find_all(exp.Select)
        if id(select) in by_place and select.is_star
        for source in sources_of(select)
        if isinstance(source, exp.Table) and source.db
    )


def sources_of(select: exp.Select) -> list[exp.Expr]:
    """What a select reads from: tables and subqueries."""
    first = select.args.get("from_")
    return [*([first.this] if first else []), *(join.this for join in select.args.get("joins") or [])]


def needs_whole_rows(tree: exp.Expr) -> bool:
    """Whether rows are used, joined or told apart by whatever columns they have: none can be spared."""
    tables = {alias.name for alias in tree.find_all(exp.TableAlias)}
    tables |= {table.name for table in tree.find_all(exp.Table)}
    as_value = any(
        column.name in tables and not column.table and not column.is_star
        for column in tree.find_all(exp.Column)
    )
    distinct = any(select.args.get("distinct") and select.is_star for select in tree.find_all(exp.Select))
    natural = any(join.args.get("method") == "NATURAL" for join in tree.find_all(exp.Join))
    return as_value or distinct or natural


def steps(tree: exp.Expr) -> dict[str, exp.CTE]:
    """The CTEs of a statement, by name; those of its subqueries are not among them."""
    return {step.alias: step for step in _with(tree).expressions}


def _with(tree: exp.Expr) -> exp.Expr:
    return tree.args.get("with_") or exp.With(expressions=[])


def _order_steps(tree: exp.Expr) -> None:
    """CTEs in the order in which they are read, from the last step on; without those that nothing reads."""
    found: dict[str, exp.CTE] = {}
    _collect_steps(tree, steps(tree), found)
    if found:
        _with(tree).set("expressions", list(found.values()))


def _collect_steps(node: exp.Expr, named: dict[str, exp.CTE], found: dict[str, exp.CTE]) -> None:
    for table in _in_order(node, without=node.args.get("with_")):
        if isinstance(table, exp.Table) and not table.db and table.name in named and table.name not in found:
            found[table.name] = named[table.name]
            _collect_steps(named[table.name], named, found)


def _steps_are_told_by_name(tree: exp.Expr) -> bool:
    """False where a name means a table where it stands and a step further down: the order then matters."""
    if _with(tree).args.get("recursive"):
        return True
    later = set(steps(tree))
    for name, step in steps(tree).items():
        if any(not table.db and table.name in later for table in step.find_all(exp.Table)):
            return False
        later.discard(name)
    return True


def _number_relations(tree: exp.Expr) -> None:
    """Numbers instead of the names of steps and the aliases of tables, the same for the same name."""
    numbers: dict[str, str] = {}
    for node in _in_order(tree):
        if isinstance(node, exp.TableAlias) and node.name and node.name not in numbers:
            numbers[node.name] = _NUMBERED.format(len(numbers))
    for node in tree.find_all(exp.TableAlias, exp.Table, exp.Column):
        name = node.args.get("table") if isinstance(node, exp.Column) else node.args.get("this")
        qualified = isinstance(node, exp.Table) and node.db
        if isinstance(name, exp.Identifier) and name.name in numbers and not qualified:
            name.set("this", numbers[name.name])
            name.set("quoted", True)


def _in_order(node: exp.Expr, without: exp.Expr | None = None) -> Iterator[exp.Expr]:
    """A node and all below it, `without` left out; select lists last: the order of columns means nothing."""
    yield node
    last = ["with_", "expressions"] if isinstance(node, exp.Select) else ["with_"]
    for key in sorted(node.args, key=lambda key: last.index(key) if key in last else -1):
        value = node.args[key]
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expr) and child is not without:
                yield from _in_order(child, without)


def _is_set(select: exp.Select) -> bool:
    """Whether a select list is distinct columns told by name: their order means nothing."""
    distinct = select.args.get("distinct")
    by_place = isinstance(select.parent, exp.SetOperation) or any(
        isinstance(item, exp.Literal) for item in grouped_by(select)
    )
    return distinct is not None and not distinct.args.get("on") and not by_place


def grouped_by(select: exp.Select) -> list[exp.Expr]:
    """What a select groups and orders by."""
    group, order = select.args.get("group"), select.args.get("order")
    ordered = [item.this for item in order.expressions] if order else []
    return [*(group.expressions if group else []), *ordered]
