"""Ways to reach the database: a URI, libpq's environment variables, an asyncpg connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.embedded import DATABASE, embedded
from headgate.settings import Settings

if TYPE_CHECKING:
    import psycopg2

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

MINIMUM_VERSION = 15
#: libpq's URI parameters and the variables that say the same.
VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


def dsn(settings: Settings) -> str:
    """The URI of the database, for `psql -d`, asyncpg and psycopg2.

    Raises:
        HeadgateError: the embedded server does not run.
        UsageError: HEADGATE_DSN is not a PostgreSQL URI.
    """
    if settings.dsn is not None:
        parameters(settings.dsn)
        return settings.dsn
    cluster = embedded(settings)
    if not cluster.is_running():
        raise HeadgateError(
            f"embedded PostgreSQL in {cluster.data}",
            expected="a running server",
            found="none",
            next_step="run `headgate up`",
        )
    return cluster.uri(DATABASE)


def libpq_env(settings: Settings) -> dict[str, str]:
    """PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and, where the URI has more, more; for dbt and Mage."""
    found = {VARIABLES[key]: value for key, value in parameters(dsn(settings)).items() if key in VARIABLES}
    defaults = {"PGHOST": "localhost", "PGPORT": "5432", "PGUSER": "postgres", "PGPASSWORD": ""}
    # Time zone of every session: features are computed in UTC wherever the server stands.
    return {**defaults, "PGDATABASE": found.get("PGUSER", "postgres"), **found, "PGTZ": "UTC"}


async def connect(settings: Settings) -> Connection:
    """Opens a connection in UTC; the caller closes it.

    Raises:
        HeadgateError: no server answers.
        UsageError: the server is older than PostgreSQL 15.
    """
    return await connect_to(dsn(settings))


async def connect_to(uri: str) -> Connection:
    """The same to a URI that `dsn` gave."""
    try:
        connection = await asyncpg.connect(
            uri, server_settings={"application_name": "headgate", "timezone": "UTC", "jit": "off"}
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise unreachable(uri, error) from error
    require_usable(connection.get_server_version().major, connection.get_settings().server_encoding, uri)
    return connection


def open_psycopg2(uri: str) -> psycopg2.extensions.connection:
    """Opens a psycopg2 connection in UTC; same checks and errors as `connect`."""
    import psycopg2

    try:
        connection = psycopg2.connect(uri, application_name="headgate", options="-c timezone=UTC -c jit=off")
    except psycopg2.OperationalError as error:
        raise unreachable(uri, error) from error
    encoding = connection.info.parameter_status("server_encoding")
    require_usable(connection.info.server_version // 10000, encoding or "", uri)
    return connection


def parameters(uri: str) -> dict[str, str]:
    """The parts of a PostgreSQL URI.

    Raises:
        UsageError: it is not one.
    """
    # Imported where it is used, here and below: landing processes start often, and need asyncpg only.
    import psycopg2
    from psycopg2.extensions import parse_dsn

    problem = "another form"
    if uri.startswith(("postgresql://", "postgres://")):
        try:
            return {key: str(value) for key, value in parse_dsn(uri).items()}
        except psycopg2.ProgrammingError:
            problem = "a URI that libpq cannot read"
    raise UsageError(
        "HEADGATE_DSN",
        expected="postgresql://user:password@host:port/database",
        found=problem,
        next_step="correct it, or unset it to use the embedded server",
    )


def shown(uri: str) -> str:
    """Where a URI leads, without its password."""
    parts = parameters(uri)
    return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}:{parts.get('port', '5432')}"


def require_usable(major: int, encoding: str, uri: str) -> None:
    """Refuses servers older than PostgreSQL 15 and databases that cannot hold all of Unicode.

    Raises:
        UsageError: it is one of these.
    """
    found = f"version {major}" if major < MINIMUM_VERSION else f"encoding {encoding}"
    if major < MINIMUM_VERSION or encoding != "UTF8":
        raise UsageError(
            f"PostgreSQL, {shown(uri)}",
            expected=f"version {MINIMUM_VERSION} or newer and encoding UTF8",
            found=found,
            next_step="point HEADGATE_DSN to another one, or unset it to use the embedded server",
        )


def unreachable(uri: str, error: Exception) -> HeadgateError:
    """The error for a server that does not answer or does not let us in."""
    return HeadgateError(
        f"PostgreSQL, {shown(uri)}",
        expected="a server that accepts the connection",
        found=" ".join(str(error).split()) or type(error).__name__,
        next_step="run `headgate up` for the embedded server, or check HEADGATE_DSN",
    )
