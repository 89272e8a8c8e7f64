"""Takes back a source that nobody has published: files, landed records, typed relations, ledger, gates.

What belongs to it is what dbt's graph has in its files; what rests on it is what the graph and the ledger of
releases say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.locks import take_psycopg2
from headgate.scaffold.mage import MAGE
from headgate.sources.declared import declared_sources

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
#: History of the project, not of one source; decisions are an audit log.
_KEPT = frozenset(
    {"releases", "release_views", "release_events", "datasets", "dbt_runs", "model_definitions", "decisions"}
)


@dataclass(frozen=True)
class Removal:
    """What goes with a source."""

    source: str
    #: Files and folders, seen from the project's folder.
    files: tuple[str, ...]
    #: Models of the graph, and their relations as schema.name.
    models: tuple[str, ...]
    relations: tuple[str, ...]
    gates: tuple[str, ...]
    #: Views that PostgreSQL drops with these relations; the next build makes them anew.
    rebuilt: tuple[str, ...] = ()
    #: Numbers of its loads, and how many records they landed.
    loads: tuple[int, ...] = ()
    records: int = 0

    def lines(self) -> list[str]:
        """The plan, for people."""
        rebuilt = ", ".join(self.rebuilt) or "none"
        return [
            f"files      {', '.join(self.files)}",
            f"landed     staging_{self.source}: {len(self.loads):,} loads, {self.records:,} records",
            f"relations  {', '.join(self.relations) or 'none'}",
            f"views that the next build makes anew: {rebuilt}",
            f"gates      {len(self.gates)} with their results and failing rows",
        ]

    def as_dict(self) -> dict[str, Any]:
        """The plan, for programs."""
        return asdict(self)


def files_of(project_dir: Path, source: str) -> list[str]:
    """The files and folders that `new source` writes for a source, as far as they are there.

    Raises:
        UsageError: there is no such source, or it was not written by `new source`.
    """
    if source not in declared_sources(project_dir) or not (project_dir / "macros" / source).is_dir():
        written = [name for name in declared_sources(project_dir) if (project_dir / "macros" / name).is_dir()]
        raise UsageError(
            f"source {source}",
            expected=f"a source that `headgate new source` wrote: {', '.join(written) or 'there is none'}",
            found="none of this name",
            next_step="correct the name",
        )
    paths = [
        f"models/staging/{source}",
        # Where earlier versions put what now stands with the staging models.
        f"models/monitoring/{source}_observed_paths.sql",
        f"models/monitoring/{source}_observed_paths.yml",
        f"macros/{source}",
        f"{MAGE}/pipelines/ingest_{source}",
        *(f"{MAGE}/{folder}/{source}" for folder in ("sensors", "data_loaders", "transformers")),
    ]
    return [path for path in paths if (project_dir / path).exists()]


def plan_removal(
    project_dir: Path, source: str, manifest: Mapping[str, Any], connection: psycopg2.extensions.connection
) -> Removal:
    """What goes with a source, from dbt's graph and the database.

    Raises:
        HeadgateError: a release rests on it, another source's loads are typed by it, or it is being landed.
    """
    files = files_of(project_dir, source)
    models, gates = _own(manifest, files)
    named = [f"{node['schema']}.{node['alias']}" for node in models]
    with connection, connection.cursor() as cursor:
        _require_free(cursor, source)
        relations = tuple(sorted(set(named) - _foreign(cursor, named)))
        cursor.execute(
            "select load_id, coalesce(rows_landed, 0) from ops.loads where source = %s order by 1", (source,)
        )
        loads = cursor.fetchall()
        return Removal(
            source,
            tuple(files),
            tuple(sorted(node["name"] for node in models)),
            relations,
            tuple(sorted(node["alias"] for node in gates)),
            tuple(_views_over(cursor, relations)),
            tuple(load for load, _ in loads),
            sum(rows for _, rows in loads),
        )


def _own(manifest: Mapping[str, Any], files: Sequence[str]) -> tuple[list[Any], list[Any]]:
    """Models in these files, and tests that are declared there."""

    def is_own(node: Mapping[str, Any]) -> bool:
        path = node["original_file_path"]
        return any(path == file or path.startswith(f"{file}/") for file in files)

    own = [node for node in manifest["nodes"].values() if is_own(node)]
    models = [node for node in own if node["resource_type"] == "model"]
    return models, [node for node in own if node["resource_type"] == "test"]


def _require_free(cursor: Any, source: str) -> None:
    """Refuses a source that something rests on, or somebody works on."""
    cursor.execute(
        """
        select array_agg(distinct releases.release_id order by releases.release_id)
        from ops.releases as releases
        inner join ops.loads as loads on loads.load_id = any(releases.loads_added)
        where %s in (loads.source, loads.contract_source)
        """,
        (source,),
    )
    if releases := cursor.fetchone()[0]:
        raise HeadgateError(
            f"source {source}",
            expected="a source that no release rests on",
            found=f"its loads in release {', '.join(map(str, releases))}",
            next_step="keep it and change its contract: headgate plan, headgate apply; see docs/planning.md",
        )
    cursor.execute(
        """
        select
            count(*) filter (where status = 'running'),
            count(*) filter (where source <> %(source)s)
        from ops.loads where %(source)s in (source, contract_source)
        """,
        {"source": source},
    )
    running, others = cursor.fetchone()
    if running or others:
        raise HeadgateError(
            f"source {source}",
            expected="a source that nobody lands now, and that types no other source's loads",
            found=f"{running} running loads, {others} loads of other sources",
            next_step="wait until they have landed, and run the command again",
        )


def _views_over(cursor: Any, relations: Sequence[str]) -> list[str]:
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


def remove_from_database(removal: Removal, connection: psycopg2.extensions.connection) -> None:
    """Drops and deletes everything of the source, in one transaction."""
    with connection, connection.cursor() as cursor:
        take_psycopg2(connection, "the removal of a source")
        _require_free(cursor, removal.source)
        for relation in removal.relations:
            _drop(cursor, relation)
        kept = [f"gate_failures.{gate}" for gate in removal.gates]
        for relation in sorted(set(kept) - _foreign(cursor, kept)):
            _drop(cursor, relation)
        cursor.execute(f'drop schema if exists "staging_{removal.source}" cascade')
        _delete(cursor, removal)


def _foreign(cursor: Any, relations: Sequence[str]) -> set[str]:
    """Which of these somebody else put there under the name of a model or a gate: they stay."""
    cursor.execute("select name from ops.foreign_relations(%s)", (list(relations),))
    return {name for (name,) in cursor.fetchall()}


def _drop(cursor: Any, relation: str) -> None:
    schema, name = relation.split(".", 1)
    cursor.execute(
        """
        select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end
        from pg_class where oid = to_regclass(%s)
        """,
        (f'"{schema}"."{name}"',),
    )
    if found := cursor.fetchone():
        cursor.execute(f'drop {found[0]} "{schema}"."{name}" cascade')


def _delete(cursor: Any, removal: Removal) -> None:
    """Deletes the source's rows of the ledger: from tables before those that they refer to."""
    values = {
        "loads": list(removal.loads),
        "sources": [removal.source],
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
        "update ops.loads set status = 'replaced' where source = %s and status in ('landed', 'discarded')",
        (removal.source,),
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
