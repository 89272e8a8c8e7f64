"""Versions of the schemas that Python owns (`ops`, `staging_*`): alembic migrations with a way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.pool import NullPool

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.connection import open_psycopg2, shown

VERSION_TABLE = "schema_version"
VERSION_SCHEMA = "ops"

#: Tables that code makes later: migrations know their schemas only. A partition counts with its table.
TABLES_OF_SCHEMAS = """
    select format('%I.%I', nspname, relname)
    from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p') and not relispartition and nspname in ({})
    order by 1
"""


@dataclass(frozen=True)
class Step:
    """One migration of a plan, in the direction it is going to run."""

    revision: str
    title: str
    upgrade: bool
    #: Tables that the step removes with what they hold.
    destroys: tuple[str, ...]
    #: A query for the schemas that the step drops with whatever stands in them.
    destroys_schemas: str | None


def migrate(dsn: str, revision: str = "head") -> None:
    """Moves the database to `revision` (`head`, `base`, or a migration's number), in one transaction.

    Raises:
        UsageError: there is no such revision.
        HeadgateError: a migration failed; nothing was changed.
    """
    steps = plan(dsn, revision)
    move = command.upgrade if not steps or steps[0].upgrade else command.downgrade
    try:
        with _connection(dsn) as connection:
            move(_config(connection), revision)
    except sqlalchemy.exc.DBAPIError as error:
        raise HeadgateError(
            f"migration of {shown(dsn)} to {revision}",
            expected="every statement to succeed; nothing was changed",
            found=" ".join(str(error.orig).split()),
            next_step="remove what the message names and run `headgate migrate` again",
        ) from error


def losses(dsn: str, steps: list[Step]) -> dict[str, int]:
    """Rows that the steps destroy, by table; tables without rows are left out."""
    tables = [table for step in steps for table in step.destroys]
    with _connection(dsn) as connection:
        for query in (step.destroys_schemas for step in steps if step.destroys_schemas):
            tables += connection.scalars(text(TABLES_OF_SCHEMAS.format(query)))
        found = {table: connection.scalar(select(func.count()).select_from(text(table))) for table in tables}
    return {table: rows for table, rows in found.items() if rows}


def current(dsn: str) -> str:
    """The revision that the database is at; `base` when it has none of the schemas."""
    with _connection(dsn) as connection:
        options = {"version_table": VERSION_TABLE, "version_table_schema": VERSION_SCHEMA}
        return MigrationContext.configure(connection, opts=options).get_current_revision() or "base"


def head() -> str:
    """The newest revision there is."""
    return str(_scripts().get_current_head())


def plan(dsn: str, revision: str = "head") -> list[Step]:
    """The migrations from the database's revision to `revision`, in running order; none when it is there.

    Raises:
        UsageError: there is no such revision.
    """
    chain = [script.revision for script in _history()]
    here, there = _position(chain, current(dsn)), _position(chain, revision)
    scripts = _history()[min(here, there) : max(here, there)]
    steps = [_step(script, upgrade=there > here) for script in scripts]
    return steps if there > here else steps[::-1]


def _position(chain: list[str], revision: str) -> int:
    """How many migrations have run when the database is at `revision`."""
    if revision == "head":
        return len(chain)
    if revision == "base":
        return 0
    if revision in chain:
        return chain.index(revision) + 1
    raise UsageError(
        f"revision {revision}",
        expected=f"head, base or one of {', '.join(chain)}",
        found="another one",
        next_step="name one of these; if the database is newer than this checkout, update the checkout",
    )


def _step(script: Script, *, upgrade: bool) -> Step:
    if upgrade:
        return Step(script.revision, script.doc, upgrade, (), None)
    tables, schemas = (getattr(script.module, name, None) for name in ("TABLES", "SCHEMAS"))
    return Step(script.revision, script.doc, upgrade, tuple(tables or ()), schemas)


def _history() -> list[Script]:
    """All migrations, oldest first."""
    return list(_scripts().walk_revisions())[::-1]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: sqlalchemy.Connection | None) -> Config:
    config = Config()
    # Alembic interpolates %, which a path may hold.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connection(dsn: str) -> Iterator[sqlalchemy.Connection]:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://", creator=lambda: open_psycopg2(dsn), poolclass=NullPool
    )
    with engine.begin() as connection:
        yield connection
