"""Takes back what was generated: files, relations, rows of the ledger, gates.

What belongs to it is what dbt's graph has in its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.postgres.locks import take_psycopg2
from headgate.report import number_of

if TYPE_CHECKING:
    import psycopg2.extensions

#: Columns of tables in ops that say what a row is of; loads themselves go last.
_OF = {
    "load_id": "loads",
    "source": "sources",
    "contract_source": "sources",
    "model": "models",
    "gate": "gates",
}
#: History of the project, not of one source; decisions are an audit log; a registered model is none of dbt's.
_KEPT = frozenset(
    {"releases", "release_views", "release_events", "datasets", "dbt_runs", "model_definitions", "decisions"}
    | {"model_versions", "model_files", "model_references", "promotions"}
)


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What goes with a source, a feature view or a model."""

    #: "source", "feature view" or "model".
    kind: str
    name: str
    #: Files and folders, seen from the project's folder.
    files: tuple[str, ...]
    #: Models of the graph, and their relations and indexes as schema.name.
    models: tuple[str, ...]
    relations: tuple[str, ...]
    gates: tuple[str, ...]
    #: Views that PostgreSQL drops with these relations; the next build makes them anew.
    rebuilt: tuple[str, ...] = ()
    #: Numbers of its loads, and how many records they landed; only of a source.
    loads: tuple[int, ...] = ()
    records: int = 0
    #: What stays though it was made of it, and what happens to it; not of a source.
    stays: tuple[str, ...] = ()
    #: What files that stay say no longer, in words, and their texts by path.
    taken_back: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """The source, when it is one."""
        return [self.name] if self.kind == "source" else []

    def lines(self) -> list[str]:
        """The plan, for people."""
        rebuilt = ", ".join(self.rebuilt) or "none"
        landed = f"{number_of(len(self.loads), 'load')}, {number_of(self.records, 'record')}"
        return [
            f"files      {', '.join(self.files)}",
            *(f"taken back {what}" for what in self.taken_back),
            *(f"landed     staging_{source}: {landed}" for source in self.sources),
            f"relations  {', '.join(self.relations) or 'none'}",
            f"views that the next build makes anew: {rebuilt}",
            f"gates      {len(self.gates)} with their results and failing rows",
            *(f"stays      {what}" for what in self.stays),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The plan, for programs."""
        values = asdict(self)
        del values["texts"]
        return {values.pop("kind").replace(" ", "_"): values.pop("name"), **values}


def own_nodes(manifest: Mapping[str, Any], files: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """Models in these files, and tests that are declared there."""

    def is_own(node: Mapping[str, Any]) -> bool:
        path = node["original_file_path"]
        return any(path == file or path.startswith(f"{file}/") for file in files)

    own = [node for node in manifest["nodes"].values() if is_own(node)]
    models = [node for node in own if node["resource_type"] == "model"]
    return models, [node for node in own if node["resource_type"] == "test"]


def views_over(cursor: Any, relations: Sequence[str]) -> list[str]:
    """Views over these relations, however many views lie between, that are none of them."""
    cursor.execute(
        """
        with recursive over as (
            select to_regclass(name)::oid as relation from unnest(%(relations)s) as given (name)
            union
            select rules.ev_class
            from over
            inner join pg_depend as depends
                on depends.refobjid = over.relation and depends.refclassid = 'pg_class'::regclass
            inner join pg_rewrite as rules
                on rules.oid = depends.objid and depends.classid = 'pg_rewrite'::regclass
        )

        select format('%%s.%%s', relnamespace::regnamespace, relname)
        from pg_class where oid in (select relation from over)
        except select unnest(%(relations)s)
        order by 1
        """,
        {"relations": list(relations)},
    )
    return [name for (name,) in cursor.fetchall()]


def remove_from_database(
    removal: Removal, connection: psycopg2.extensions.connection, require_free: Callable[[Any, str], None]
) -> None:
    """Drops and deletes everything that goes, in one transaction, unless something rests on it by now."""
    with connection, connection.cursor() as cursor:
        take_psycopg2(connection, f"the removal of a {removal.kind}")
        require_free(cursor, removal.name)
        for relation in removal.relations:
            _drop(cursor, relation)
        kept = [f"gate_failures.{gate}" for gate in removal.gates]
        for relation in sorted(set(kept) - foreign(cursor, kept)):
            _drop(cursor, relation)
        for source in removal.sources:
            cursor.execute(f'drop schema if exists "staging_{source}" cascade')
        _delete(cursor, removal)


def foreign(cursor: Any, relations: Sequence[str]) -> set[str]:
    """Which of these somebody else put there under the name of a model or a gate: they stay."""
    cursor.execute("select name from ops.foreign_relations(%s)", (list(relations),))
    return {name for (name,) in cursor.fetchall()}


def _drop(cursor: Any, relation: str) -> None:
    schema, name = relation.split(".", 1)
    cursor.execute(
        """
        select case relkind
            when 'v' then 'view' when 'm' then 'materialized view' when 'i' then 'index' else 'table'
        end
        from pg_class where oid = to_regclass(%s)
        """,
        (f'"{schema}"."{name}"',),
    )
    if found := cursor.fetchone():
        cursor.execute(f'drop {found[0]} "{schema}"."{name}" cascade')


def _delete(cursor: Any, removal: Removal) -> None:
    """Deletes its rows of the ledger: from tables before those that they refer to."""
    values = {
        "loads": list(removal.loads),
        "sources": removal.sources,
        "models": list(removal.models),
        "gates": list(removal.gates),
    }
    for table, columns in _tables(cursor):
        wanted = f"({' or '.join(f'{column} = any(%({_OF[column]})s)' for column in columns)})"
        if table == "loads":
            wanted += " and not exists (select from ops.decisions where decisions.load_id = loads.load_id)"
        cursor.execute(f"delete from ops.{table} where {wanted}", values)  # noqa: S608
    # Somebody decided about these: they stay for the log, and hold nothing.
    cursor.execute(
        "update ops.loads set status = 'replaced'"
        " where source = any(%s) and status in ('landed', 'discarded')",
        (removal.sources,),
    )


def _tables(cursor: Any) -> list[tuple[str, list[str]]]:
    """Tables of ops with rows of sources, those that refer to others first, and the columns that say so."""
    cursor.execute(
        """
        select columns.table_name, array_agg(columns.column_name::text)
        from information_schema.columns as columns
        inner join information_schema.tables as tables using (table_schema, table_name)
        where
            columns.table_schema = 'ops'
            and tables.table_type = 'BASE TABLE'
            and columns.column_name = any(%s)
            and columns.table_name <> all(%s)
        group by columns.table_name
        """,
        (list(_OF), list(_KEPT)),
    )
    found = dict(cursor.fetchall())
    cursor.execute(
        """
        select conrelid::regclass::text, confrelid::regclass::text from pg_constraint
        where contype = 'f' and connamespace = 'ops'::regnamespace and conrelid <> confrelid
        """
    )
    refers = {(one.removeprefix("ops."), other.removeprefix("ops.")) for one, other in cursor.fetchall()}
    ordered: list[tuple[str, list[str]]] = []
    while found:
        free = [table for table in found if not any((other, table) in refers for other in found)]
        ordered += [(table, found.pop(table)) for table in sorted(free)]
    return ordered
