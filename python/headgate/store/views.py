"""What a feature view looks like: as dbt built it, and as a release holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from headgate.postgres.connection import Connection

#: The instant a row's values are valid from; part of every feature view's primary key.
AS_OF = "as_of"


@dataclass(frozen=True)
class Column:
    """One value of a feature view: its name, its PostgreSQL type, the column of the history that holds it.

    `stored_as` differs from `name` only after an approved change of type: the older values keep their column.
    """

    name: str
    type: str
    stored_as: str

    def as_dict(self) -> dict[str, str]:
        """The column as `ops.release_views.columns` holds it."""
        return {"name": self.name, "type": self.type, "stored_as": self.stored_as}


@dataclass(frozen=True, kw_only=True)
class FeatureView:
    """A feature view of one release. `keys` are (name, type); as_of belongs to neither keys nor columns."""

    name: str
    version: int
    keys: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    #: Hash of the SQL that built it (`ops.model_definitions`); None for views built before that was kept.
    definition: str | None
    #: The table of dbt that it was read from, by oid.
    source_relation: int
    #: The oldest definition whose columns this one has, computed alike: what a model is bound to. Another SQL
    #: that only adds columns, or that is about other columns upstream, does not change it.
    meaning: str | None = None

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns of the entity key, in order."""
        return tuple(name for name, _ in self.keys)


def quoted(name: str) -> str:
    """An identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def history(view: str) -> str:
    """The table with every row that some release holds."""
    return f"feature_store.{quoted(view + '_history')}"


def online(view: str) -> str:
    """The table with the newest row of every key in the active release."""
    return f"feature_store.{quoted(view + '_online')}"


def version_of(name: str) -> int:
    """Dbt names the relation of version 2 of a model `<model>_v2`; without a suffix it is version 1."""
    found = re.search(r"_v(\d+)$", name)
    return int(found.group(1)) if found else 1


async def fetch_one(connection: Connection, statement: str, *arguments: object) -> asyncpg.Record:
    """The only row of a statement that always has one."""
    row = await connection.fetchrow(statement, *arguments)
    assert row is not None
    return row


async def keys_held(connection: Connection) -> dict[str, tuple[tuple[str, str], ...]]:
    """The key of every feature view that some release had, by name: its history is kept by it."""
    rows = await connection.fetch(
        "select distinct on (view) * from ops.release_views order by view, release_id desc"
    )
    return {row["view"]: _from_row(row).keys for row in rows}


async def views_of_release(connection: Connection, release_id: int) -> dict[str, FeatureView]:
    """The feature views of a release by name."""
    rows = await connection.fetch(
        "select * from ops.release_views where release_id = $1 order by view", release_id
    )
    return {row["view"]: _from_row(row) for row in rows}


def _from_row(row: asyncpg.Record) -> FeatureView:
    described = json.loads(row["columns"])
    types = {column["name"]: column["type"] for column in described}
    keys: Sequence[str] = row["keys"]
    return FeatureView(
        name=row["view"],
        version=row["version"],
        keys=tuple((key, types[key]) for key in keys),
        columns=tuple(Column(**column) for column in described if column["name"] not in keys),
        definition=row["definition"],
        source_relation=row["source_relation"],
        meaning=row["meaning"],
    )
