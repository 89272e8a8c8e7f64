"""Databases beside Headgate's own, named after it, of programs with tables of their own: Mage, MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from headgate.errors import HeadgateError
from headgate.postgres.connection import dsn, libpq_env, open_psycopg2
from headgate.settings import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as psycopg2_cursor

#: libpq variables that a SQLAlchemy URL carries as query parameters.
URL_PARAMETERS = {
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
}


def name(settings: Settings, suffix: str) -> str:
    """The database's name, for instance `headgate_mage`."""
    return libpq_env(settings)["PGDATABASE"] + suffix


def url(settings: Settings, suffix: str, application: str) -> str:
    """Its SQLAlchemy URL; `application` is what sessions call themselves."""
    env = libpq_env(settings)
    user = quote(env["PGUSER"], safe="")
    password = f":{quote(env['PGPASSWORD'], safe='')}" if env["PGPASSWORD"] else ""
    query = {"host": env["PGHOST"], "port": env["PGPORT"], "application_name": application}
    query.update({parameter: env[name] for name, parameter in URL_PARAMETERS.items() if name in env})
    database = quote(name(settings, suffix), safe="")
    return f"postgresql+psycopg2://{user}{password}@/{database}?{urlencode(query, safe='/')}"


def exists(settings: Settings, suffix: str) -> bool:
    """Whether there is such a database."""
    with _cursor(settings) as cursor:
        return _exists(cursor, name(settings, suffix))


def ensure(settings: Settings, suffix: str, *, what: str, otherwise: str) -> None:
    """Creates the database where there is none.

    Raises:
        HeadgateError: the role may not create databases; says `what` it is and what to do `otherwise`.
    """
    import psycopg2
    from psycopg2 import sql

    database = name(settings, suffix)
    try:
        with _cursor(settings) as cursor:
            if not _exists(cursor, database):
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    except psycopg2.errors.InsufficientPrivilege as error:
        raise HeadgateError(
            f"{what} {database}",
            expected="a role that may create it",
            found="no right to create databases",
            next_step=otherwise,
        ) from error


def drop(settings: Settings, suffix: str) -> None:
    """Drops the database where there is one; sessions in it end."""
    from psycopg2 import sql

    with _cursor(settings) as cursor:
        database = sql.Identifier(name(settings, suffix))
        cursor.execute(sql.SQL("drop database if exists {} with (force)").format(database))


def _exists(cursor: psycopg2_cursor, database: str) -> bool:
    cursor.execute("select 1 from pg_database where datname = %s", (database,))
    return cursor.fetchone() is not None


@contextmanager
def _cursor(settings: Settings) -> Iterator[Any]:
    """A cursor in Headgate's own database, outside a transaction: databases are not made within one."""
    connection = open_psycopg2(dsn(settings))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
