"""The shape of feature views: read from dbt's tables, kept by the tables of the feature store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import asyncpg

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection
from headgate.store.foreign import require_no_other
from headgate.store.views import AS_OF, Column, FeatureView, history, online, quoted, version_of

#: Readers queue behind a lock that is waited for: never let them wait longer than this.
LOCK_TIMEOUT = "40ms"
SECONDS_BETWEEN_TRIES = 0.2
TRIES = 100

CANDIDATES = """
    select
        pg_class.oid::bigint as source_relation,
        relname as name,
        array(
            select attname::text from unnest(pg_index.indkey::int[]) with ordinality as key (number, place)
            join pg_attribute on attrelid = pg_class.oid and attnum = key.number order by key.place
        ) as keys,
        array(
            select array[attname::text, format_type(atttypid, atttypmod)]
            from pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped
            order by attnum
        ) as columns
    from pg_class
    left join pg_index on indrelid = pg_class.oid and indisprimary
    where
        relnamespace = to_regnamespace('features')
        and relkind = 'r'
        and relname not like '%\\_\\_dbt\\_%'
        -- What somebody else keeps in this schema is no feature view.
        and (
            exists (select from ops.built_partitions where model = relname)
            or not exists (select from ops.foreign_relations(array['features.' || relname]))
        )
    order by relname
"""

HELD_COLUMNS = """
    select attname::text as name, format_type(atttypid, atttypmod) as type
    from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
"""


#: What the tables of a feature view are for; also how they are told from those that somebody else made.
PAST_HOLDS = "Every row that some release holds, and from which release to which."
ONLINE_HOLDS = "The newest row of every key in the active release."


async def candidate_views(connection: Connection) -> dict[str, FeatureView]:
    """The feature views that dbt has built, by name; definitions as their newest partitions say.

    Raises:
        HeadgateError: a table has no primary key of entity key and as_of.
    """
    views = {}
    for row in await connection.fetch(CANDIDATES):
        keys = row["keys"] or []
        if AS_OF not in keys or len(keys) < 2:
            raise HeadgateError(
                f"table features.{row['name']}",
                expected="a primary key of the entity key and as_of",
                found=f"the primary key ({', '.join(keys)})" if keys else "no primary key",
                next_step="declare the constraint primary_key in the model's YAML and build it anew",
            )
        types = dict(row["columns"])
        views[row["name"]] = FeatureView(
            name=row["name"],
            version=version_of(row["name"]),
            keys=tuple((key, types[key]) for key in keys if key != AS_OF),
            columns=tuple(Column(name, kind, name) for name, kind in row["columns"] if name not in keys),
            definition=await _definition(connection, row["name"]),
            source_relation=row["source_relation"],
        )
    return views


async def _definition(connection: Connection, model: str) -> str | None:
    definition: str | None = await connection.fetchval(
        "select definition from ops.built_partitions where model = $1 order by built_at desc limit 1", model
    )
    return definition


# A view of other columns is another object: whoever could read the one before it can read it too.
GRANTS = """
    select
        format(
            'grant %s on feature_store.%I to %s%s',
            granted.privilege_type,
            relation.relname,
            case granted.grantee when 0 then 'public' else granted.grantee::regrole::text end,
            case when granted.is_grantable then ' with grant option' else '' end
        ) as statement
    from pg_class as relation cross join aclexplode(relation.relacl) as granted
    where relation.oid = to_regclass($1) and granted.grantee <> relation.relowner
    order by 1
"""


async def place(
    connection: Connection, candidate: FeatureView, release_id: int
) -> tuple[FeatureView, list[str]]:
    """Where the feature store keeps each column of a feature view, and the DDL that makes room for others.

    Adds tables and columns only: what older releases hold stays.

    Raises:
        HeadgateError: somebody else made what stands where a first release of it is to be.
    """
    await _require_no_other(connection, candidate.name)
    held = {row["name"]: row["type"] for row in await connection.fetch(HELD_COLUMNS, history(candidate.name))}
    columns = tuple(
        replace(column, stored_as=_place(column, held, release_id)) for column in candidate.columns
    )
    view = replace(candidate, columns=columns)
    if not held:
        return view, [_create_tables(view)]
    return view, [
        f"alter table {table} add column {quoted(column.stored_as)} {column.type}"
        for column in columns
        if column.stored_as not in held
        for table in (history(view.name), online(view.name))
    ]


async def _require_no_other(connection: Connection, view: str) -> None:
    """Refuses relations of somebody else under the names of a view that no release had yet."""
    if await connection.fetchval("select exists (select from ops.release_views where view = $1)", view):
        return
    await require_no_other(
        connection,
        [f"feature_store.{quoted(view)}", history(view), online(view)],
        [PAST_HOLDS, ONLINE_HOLDS],
        purpose=f"feature view {view} is published there",
        nothing="published",
        next_step="rename it, or move it to another schema (alter ... set schema), then publish again",
    )


def _place(column: Column, held: Mapping[str, str], release_id: int) -> str:
    """Values of another type never share a column: the older ones keep theirs."""
    if held.get(column.name, column.type) == column.type:
        return column.name
    known = [
        name for name, kind in held.items() if kind == column.type and name.startswith(f"{column.name}__")
    ]
    return known[0] if known else f"{column.name}__{release_id}"


def _create_tables(view: FeatureView) -> str:
    keys = ", ".join(map(quoted, view.key_names))
    columns = ",\n".join(
        [f"{quoted(name)} {kind} not null" for name, kind in view.keys]
        + [f"{AS_OF} timestamptz not null"]
        + [f"{quoted(column.stored_as)} {column.type}" for column in view.columns]
    )
    past = history(view.name)
    return f"""
        create table {past} (
            {columns},
            valid_from_release integer not null,
            valid_to_release integer,
            primary key ({keys}, {AS_OF}, valid_from_release)
        );
        create index on {past} (valid_from_release);
        create index on {past} (valid_to_release) where valid_to_release is not null;
        comment on table {past} is '{PAST_HOLDS}';
        create table {online(view.name)} (
            {columns},
            primary key ({keys})
        ) with (fillfactor = 80);
        comment on table {online(view.name)} is '{ONLINE_HOLDS}';
    """


def create_view(view: FeatureView) -> str:
    """SQL of the plain view that shows the active release."""
    names = [*map(quoted, view.key_names), AS_OF]
    values = [f"rows.{quoted(column.stored_as)} as {quoted(column.name)}" for column in view.columns]
    return f"""
        create view feature_store.{quoted(view.name)} as
        select {", ".join([f"rows.{name}" for name in names] + values)}
        from {history(view.name)} as rows
        inner join feature_store.active_release as active
            on rows.valid_from_release <= active.release_id
            and (rows.valid_to_release is null or rows.valid_to_release > active.release_id)
    """


async def show(connection: Connection, before: FeatureView | None, view: FeatureView) -> None:
    """Makes the plain view show the columns of this release; call as late in the transaction as possible."""
    if before is not None and before.columns == view.columns:
        return
    name = f"feature_store.{quoted(view.name)}"
    granted = [row["statement"] for row in await connection.fetch(GRANTS, name)]
    statements = [f"drop view if exists {name}", create_view(view), *granted]
    await without_queueing(connection, "; ".join(statements))


async def hide(connection: Connection, name: str) -> None:
    """Removes the plain view of a feature view that the active release has not."""
    await without_queueing(connection, f"drop view if exists feature_store.{quoted(name)}")


async def without_queueing(connection: Connection, statements: str) -> None:
    """Runs DDL that never has a reader wait long: gives up its place in the queue and tries again.

    Raises:
        HeadgateError: some reader held the object all the time.
    """
    for _ in range(TRIES):
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'; {statements}")
                await connection.execute("set local lock_timeout = 0")
                return
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
    raise HeadgateError(
        "change of shape of the feature store",
        expected="an exclusive lock on the view",
        found="readers with open transactions throughout",
        next_step="end long transactions on feature_store, then publish again",
    )
