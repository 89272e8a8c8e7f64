"""A declared feature view over a plain table, by the project's macros and without dbt."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from tests.macros import render
from tests.measured import Record
from tests.support import Database

SOURCE = "shop"
#: The columns of an event, and their types.
COLUMNS = {
    "partition_start": "timestamptz",
    "order_id": "text",
    "customer": "text",
    "created_at": "timestamptz",
    "total": "numeric",
    "quantity": "integer",
    "is_paid": "boolean",
    "note": "text",
}


#: A load of which the events' model is built.
LOADED = f"""
    with loads as (
        insert into ops.loads (
            source, entity, contract_source, partition_start, partition_end, uri, status, lines_read,
            rows_landed, rows_rejected
        )
        select '{SOURCE}', gen_random_uuid(), '{SOURCE}', '2000-01-01', %(end)s, '', 'landed', 0, 0, 0
        returning load_id
    )

    insert into ops.built_partitions (model, source, partition_start, upstream_version, version, load_id)
    select %(model)s, '{SOURCE}', %(start)s, load_id::text, '', load_id from loads
    on conflict (model, source, partition_start) do update set load_id = excluded.load_id
"""


@dataclass(frozen=True)
class Relation:
    """As dbt's: prints as its name in SQL."""

    schema: str
    identifier: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.identifier}"


@dataclass
class TrialView:
    """A view, and the events that it is declared over, as `typed.<name>_events`."""

    database: Database
    name: str
    declared: Mapping[str, Any]
    _builds: int = field(default=0, init=False)

    def load(
        self, partition_start: str, events: Iterable[Record], reaches_to: datetime | None = None
    ) -> None:
        """Puts events in the place of those that a partition held; its load reaches as far as is said."""
        rows = [{**event, "partition_start": partition_start} for event in events]
        values = [tuple(row[name] for name in COLUMNS) for row in rows]
        with self._connected() as cursor:
            cursor.execute("create schema if not exists typed; create schema if not exists features")
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            cursor.execute(f"create table if not exists typed.{self.name}_events ({columns})")
            cursor.execute(
                f"delete from typed.{self.name}_events where partition_start = %s", [partition_start]
            )
            psycopg2.extras.execute_values(cursor, f"insert into typed.{self.name}_events values %s", values)
            if reaches_to:
                cursor.execute(
                    LOADED, {"model": f"{self.name}_events", "start": partition_start, "end": reaches_to}
                )

    def build(self, *starts: str) -> None:
        """Computes what partitions change: from nothing the first time, as a dbt run does it."""
        self._builds += 1
        partitions = [
            {"contract_source": SOURCE, "partition_start": start, "upstream_version": str(self._builds)}
            for start in starts
        ]
        with self._connected() as cursor:
            self._run(cursor, "{{ prepare_feature_view() }}", partitions)
            sql = self._render(cursor, "{{ feature_view(declared) }}", partitions)
            if self._builds == 1:
                cursor.execute(f"create table features.{self.name} as {sql}")
            else:
                cursor.execute(f"create temporary table computed on commit drop as {sql}")
                self._run(
                    cursor, "{{ get_incremental_replace_changed_rows_sql(arguments) }}", partitions, sql
                )
            self._run(cursor, "{{ record_entries() }}", partitions, sql)

    def rows(self) -> list[dict[str, Any]]:
        """What the view holds."""
        return self._fetched(f"select * from features.{self.name}")

    def recounted(self) -> list[dict[str, Any]]:
        """Random rows, as the recount of the gate has them."""
        drawn = (
            "with drawn as (select row_number() over () as drawn_id, as_of as stands_at, sampled.* from"
            f" (select * from features.{self.name} order by random() limit 20) as sampled), "
        )
        with self._connected() as cursor:
            values = self._render(cursor, "{{ recounted_values(normal_declaration(declared)) }}", [])
        return self._fetched(f"{drawn} {values} select * from recounted")

    def _fetched(self, sql: str) -> list[dict[str, Any]]:
        with self._connected() as cursor:
            cursor.execute(sql)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextlib.contextmanager
    def _connected(self) -> Any:
        with (
            contextlib.closing(psycopg2.connect(self.database.dsn)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    def _run(self, cursor: Any, template: str, partitions: Sequence[Any], sql: str = "") -> None:
        if statement := self._render(cursor, template, partitions, sql).strip():
            cursor.execute(statement)

    def _render(self, cursor: Any, template: str, partitions: Sequence[Any], sql: str = "") -> str:
        events = f"{self.name}_events"
        this = Relation("features", self.name)
        meta = SimpleNamespace(contract={"version": 1})
        return render(
            template,
            *("features", "partitions", "gates"),
            declared=self.declared,
            arguments={
                "unique_key": [*self.declared["keys"], "as_of"],
                "dest_columns": self._columns(cursor),
                "temp_relation": "computed",
            },
            this=this,
            execute=True,
            model=SimpleNamespace(
                unique_id="model.view",
                compiled_code=sql,
                config=SimpleNamespace(meta=SimpleNamespace(feature_view=self.declared)),
            ),
            graph=SimpleNamespace(
                nodes={
                    "model.events": SimpleNamespace(
                        unique_id="model.events",
                        resource_type="model",
                        alias=events,
                        depends_on=SimpleNamespace(nodes=["source.shop"]),
                    )
                },
                sources={
                    "source.shop": SimpleNamespace(source_name=SOURCE, config=SimpleNamespace(meta=meta))
                },
            ),
            config={"incremental_strategy": "replace_changed_rows"},
            run_query=lambda statement: self._answer(cursor, statement, partitions),
            is_incremental=lambda: self._builds > 1,
            canonical_mode=lambda: None,
            ref_relation=lambda name: Relation("typed", name),
            adapter=SimpleNamespace(get_columns_in_relation=lambda relation: self._columns(cursor)),
            local_md5=lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            quoted_text=lambda text: "'" + text.replace("'", "''") + "'",
            text_array=lambda names: f"array{list(names)}::text[]",
        )

    @staticmethod
    def _answer(cursor: Any, statement: str, partitions: Sequence[Any]) -> SimpleNamespace:
        """Of what is asked, only this reads no table of `ops`; the others ask for stale partitions."""
        if "from computed" not in statement:
            return SimpleNamespace(rows=list(partitions))
        cursor.execute(statement)
        return SimpleNamespace(rows=[{"first": first} for (first,) in cursor.fetchall()])

    def _columns(self, cursor: Any) -> list[SimpleNamespace]:
        cursor.execute(
            "select attname from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            [f"features.{self.name}"],
        )
        return [SimpleNamespace(quoted=name) for (name,) in cursor.fetchall()]
