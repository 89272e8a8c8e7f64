"""The events that a feature view is declared over: what their typed relation has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions

from headgate.errors import UsageError
from headgate.scaffold.quoting import sql_name
from headgate.sources.declared import declared_sources

#: Where dbt puts typed models.
SCHEMA = "typed"
#: What the envelope of a contract is called in typed models.
ENVELOPE = {"identity": "record_id", "time": "recorded_at", "kind": "record_type"}
#: Events of which expressions are computed before they are written down.
TRIED = 100_000
COMPUTABLE = "SQL that can be computed of every event, and of a window without any"


class EventColumns:
    """The columns of a typed relation, and the types of expressions over them."""

    def __init__(self, connection: psycopg2.extensions.connection, project_dir: Path, relation: str) -> None:
        self.relation = relation
        self._connection = connection
        self._types = self._read()
        self._typed_as = typed_as(project_dir, relation)

    def column(self, option: str, name: str) -> str:
        """The column that is meant: its name, or the path of the record that is typed as it.

        Raises:
            UsageError: there is none.
        """
        found = name if name in self._types else self._typed_as.get(name)
        if found not in self._types:
            raise UsageError(
                f"{option} {name}",
                expected=f"a column of {self.relation}",
                found=f"no such column among {', '.join(self._types)}",
                next_step=f"correct {option}",
            )
        return str(found)

    def type(self, what: str, expression: str) -> str:
        """The type of an expression over the columns.

        Raises:
            UsageError: PostgreSQL cannot evaluate it; the message is PostgreSQL's.
        """
        return self._type(what, expression, self._relation, self._listed)

    def aggregate_type(self, what: str, expression: str) -> str:
        """The type of an aggregate over the rows.

        Raises:
            UsageError: PostgreSQL cannot evaluate it; the message is PostgreSQL's.
        """
        statement = f"select {expression} as value from {self._relation} as events having true limit 0"  # noqa: S608 - its author runs it
        return self._described(what, f"an aggregate over {self._listed}", statement)

    def require_condition(self, what: str, condition: str) -> None:
        """Refuses what is no condition on an event.

        Raises:
            UsageError: it is of another type, or PostgreSQL cannot evaluate it.
        """
        found = self.type(what, condition)
        if found != "boolean":
            raise UsageError(
                what,
                expected="a condition behind where",
                found=f"{condition}: {found}",
                next_step="compare it with something, such as status = 'paid'",
            )

    def require_computable(self, what: str, expression: str) -> None:
        """Refuses what PostgreSQL cannot compute of an event that stands, such as a quotient by zero.

        Raises:
            UsageError: the message is PostgreSQL's, without the value.
        """
        rows = f"select {expression} as value from {self._relation} as source_events limit {TRIED}"  # noqa: S608 - its author runs it
        self._described(what, COMPUTABLE, f"select count(value) from ({rows}) as tried")  # noqa: S608

    @property
    def _relation(self) -> str:
        return f"{SCHEMA}.{sql_name(self.relation)}"

    @property
    def _listed(self) -> str:
        return f"{self.relation}: {', '.join(self._types)}"

    def type_over(self, what: str, expression: str, features: Mapping[str, tuple[str, str]]) -> str:
        """The type of an expression over columns of a feature view.

        Args:
            what: the option, for messages.
            expression: SQL.
            features: by column: a value that it takes, and its type.

        Raises:
            UsageError: PostgreSQL cannot evaluate it, of these values either; the message is PostgreSQL's.
        """
        columns = ", ".join(
            f"{value}::{type_} as {sql_name(name)}" for name, (value, type_) in features.items()
        )
        row = f"(select {columns} offset 0)"
        found = self._type(what, expression, row, f"the view: {', '.join(features)}")
        self._described(what, COMPUTABLE, f"select {expression} as value from {row} as empty_windows")  # noqa: S608
        return found

    def _type(self, what: str, expression: str, relation: str, columns: str) -> str:
        # Where a condition stands PostgreSQL takes no aggregate, window function or set.
        # And first as it is going to stand: brackets that close what they did not open are none of its own.
        statement = (
            f"select {expression} as value from {relation} as source_events"  # noqa: S608 - its author runs it
            f" where ({expression}) is null limit 0"
        )
        return self._described(what, f"SQL of one row over the columns of {columns}", statement)

    def _described(self, what: str, expected: str, statement: str) -> str:
        """The type of a statement's column."""
        try:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute("set transaction read only")
                cursor.execute(statement)
                assert cursor.description is not None
                if len(cursor.description) > 1:
                    raise _wrong(what, expected, f"{len(cursor.description)} columns")
                cursor.execute("select format_type(%s, null)", [cursor.description[0].type_code])
                return "".join(str(name) for (name,) in cursor)
        except psycopg2.Error as error:
            # Behind a colon stands what an event holds.
            found = str(error).splitlines()[0].removesuffix(" in WHERE").partition(': "')[0]
            raise _wrong(what, expected, found) from error

    def _read(self) -> dict[str, str]:
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
                [self._relation],
            )
            found = dict(cursor.fetchall())
        if not found:
            raise UsageError(
                f"events {self.relation}",
                expected=f"a typed model that dbt has built: {SCHEMA}.{self.relation}",
                found="no such relation",
                next_step=f"correct --events, or build it: dbt build --select +{self.relation}",
            )
        return found


def _wrong(what: str, expected: str, found: str) -> UsageError:
    next_step = "correct the expression"
    if "division by zero" in found:
        next_step += ", for instance a / nullif(b, 0)"
    return UsageError(what, expected=expected, found=found, next_step=next_step)


def typed_as(project_dir: Path, relation: str) -> Mapping[str, str]:
    """Path of the record -> column, for what the envelope of the source's contract names."""
    name = relation.removeprefix("stg_").partition("__")[0]
    if name not in declared_sources(project_dir):
        return {}
    envelope = _envelope(project_dir, name)
    return {path: ENVELOPE[part] for part, path in envelope.items() if part in ENVELOPE and path}


def _envelope(project_dir: Path, source: str) -> Mapping[str, Any]:
    import yaml

    folder = project_dir / "models" / "staging" / source
    for file in folder.glob("_*__sources.yml"):
        for declared in yaml.safe_load(file.read_text(encoding="utf-8")).get("sources") or []:
            for table in declared.get("tables") or []:
                contract = table.get("config", {}).get("meta", {}).get("contract")
                if contract:
                    return dict(contract.get("envelope") or {})
    return {}
