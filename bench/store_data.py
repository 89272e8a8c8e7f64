"""A feature store of the project's three views with generated values, as large as a benchmark asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from bench.servers import Database
from headgate.planning.publishing import publish_project
from headgate.settings import find_project_dir

#: The first as_of of every entity; the others follow at full hours.
BEGIN = "2024-01-01 00:00Z"
#: Key columns from the number of an entity. A contributor pairs one actor with one repository; actors that
#: are neighbours work in repositories that are not.
REPOSITORY = "entity * 13"
ACTOR = "entity * 7919::bigint % 1000003"
KEYS = {
    "repository_activity": {"repository_id": REPOSITORY},
    "actor_activity": {"actor_id": ACTOR},
    "contributor_activity": {"actor_id": ACTOR, "repository_id": REPOSITORY},
}


@dataclass(frozen=True)
class GeneratedView:
    """A feature view of the project with the columns that its contract has."""

    name: str
    #: Key column -> SQL expression over `entity`.
    keys: dict[str, str]
    #: Value column -> PostgreSQL type, in order.
    columns: dict[str, str]

    def rows(self, entities: int, per_entity: int) -> str:
        """A SELECT of the view's rows: keys, as_of, values that differ by entity, as_of and column."""
        hours = f"select number * 5 + entity % 5 from generate_series(0, {per_entity - 1}) as number"
        return self._rows(entities, hours)

    def newest_rows(self, entities: int, hour: int) -> str:
        """A SELECT of one more row per entity, all with the same as_of."""
        return self._rows(entities, f"select {hour}")

    def _rows(self, entities: int, steps: str) -> str:
        values = [
            f"{_value(kind, place)} as {name}" for place, (name, kind) in enumerate(self.columns.items())
        ]
        keys = [f"({expression})::bigint as {name}" for name, expression in self.keys.items()]
        return f"""
            select
                {", ".join(keys)},
                timestamptz '{BEGIN}' + step * interval '1 hour' as as_of,
                {", ".join(values)}
            from generate_series(1, {entities}) as entity
            cross join lateral ({steps}) as steps (step)
        """


def generated_views() -> Iterator[GeneratedView]:
    """The project's feature views, columns as their contracts declare them."""
    for name, keys in KEYS.items():
        path = find_project_dir() / "models" / "features" / "github" / f"{name}.yml"
        (model,) = yaml.safe_load(path.read_text())["models"]
        types = {column["name"]: column["data_type"] for column in model["columns"]}
        values = {column: kind for column, kind in types.items() if column not in {*keys, "as_of"}}
        yield GeneratedView(name, keys, values)


def _value(kind: str, place: int) -> str:
    seed = f"(entity * 31 + step * 17 + {place})"
    if kind == "bigint":
        return f"({seed} % 1000)::bigint"
    if kind == "boolean":
        return f"({seed} % 10 = 0)"
    if kind == "double precision":
        return f"case when {seed} % 3 > 0 then ({seed} % 997) / 997.0::double precision end"
    if kind == "timestamp with time zone":
        return f"timestamptz '{BEGIN}' - {seed} % 1000 * interval '1 minute'"
    raise ValueError(f"no generated values for type {kind}")


def publish_features(database: Database, entities: int, per_entity: int) -> None:
    """Fills the views and publishes them as the first release."""
    fill_features(database, entities, per_entity)
    prove_features(database)
    asyncio.run(publish_project(database.settings))


def fill_features(database: Database, entities: int, per_entity: int) -> None:
    """Creates and fills `features.<view>`, as dbt leaves them; what was there is dropped."""
    database.execute("create schema if not exists features")
    for view in generated_views():
        keys = ", ".join(view.keys)
        database.execute(
            f"drop table if exists features.{view.name}",
            f"create table features.{view.name} as {view.rows(entities, per_entity)}",
            f"alter table features.{view.name} add primary key ({keys}, as_of)",
            f"analyze features.{view.name}",
        )
        database.execute(
            f"create table if not exists ops.changed_{view.name} as"
            f" select {keys}, as_of from features.{view.name} with no data"
        )


def prove_features(database: Database) -> None:
    """Writes the ledger as if dbt had built the views from one landed hour and every gate had passed."""
    database.execute(
        "insert into ops.loads (source, entity, partition_start, partition_end, uri, lines_read, rows_landed,"
        " rows_rejected, status)"
        f" select 'made', 'events', '{BEGIN}', timestamptz '{BEGIN}' + interval '1 hour', 'made',"
        " 0, 0, 0, 'landed'"
        " where not exists (select from ops.loads)",
        "insert into ops.built_partitions (model, source, partition_start, upstream_version, version)"
        " select 'stg_made__events', source, partition_start, load_id::text, 'first' from ops.loads",
        *(
            "insert into ops.built_partitions (model, source, partition_start, upstream_version, version)"
            f" select '{name}', source, partition_start, 'stg_made__events:first', 'first' from ops.loads"
            for name in KEYS
        ),
        "insert into ops.certified_partitions (model, source, partition_start, version)"
        " select model, source, partition_start, version from ops.built_partitions",
    )
