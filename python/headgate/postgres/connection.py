"""Ways to reach the database: a URI, libpq's environment variables, an asyncpg connection."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

import asyncpg

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.embedded import DATABASE, embedded
from headgate.postgres.uri import for_asyncpg, parameters, shown, without_password
from headgate.settings import Settings

if TYPE_CHECKING:
    import psycopg2

__all__ = [
    "Connection",
    "connect",
    "connect_to",
    "dsn",
    "libpq_env",
    "open_psycopg2",
    "parameters",
    "shown",
    "unreachable",
]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

#: What connections were opened with, for a second one to the same database.
_URIS: WeakKeyDictionary[Connection, str] = WeakKeyDictionary()

MINIMUM_VERSION = 15
#: What asyncpg raises where no connection comes about: by the network, TLS, the server, or a parameter.
REFUSED = (
    OSError,
    ValueError,
    OverflowError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
#: SQLSTATE of a refusal -> what to do about it.
NEXT_STEPS = {
    "28P01": "correct the password in {place}; in a URI, @ is written %40, / %2F, % %25",
    "28000": "correct user or password in {place}, or let the user in by pg_hba.conf of the server",
    "3D000": "create the database, or correct its name in {place}",
    "53300": "try again when other programs have closed their connections, or raise max_connections",
    "57P03": "try again in a moment: the server is starting, stopping or recovering",
}
#: The same by what libpq writes: psycopg2 gives no SQLSTATE where there is no connection.
SAID = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    'role "': "28000",
    "no pg_hba.conf entry": "28000",
    "too many clients": "53300",
    "remaining connection slots": "53300",
    "the database system is": "57P03",
    "does not exist": "3D000",
}
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


def program() -> str:
    """What sessions call themselves: `headgate receive` in all processes of that command, else `headgate`."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    command = sys.argv[1] if name == "headgate" and len(sys.argv) > 1 else ""
    return f"headgate {command}" if command.isalpha() else "headgate"


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
            for_asyncpg(uri),
            server_settings={"application_name": program(), "timezone": "UTC", "jit": "off"},
        )
    except REFUSED as error:
        raise unreachable(uri, error) from None
    require_usable(connection.get_server_version().major, connection.get_settings().server_encoding, uri)
    _URIS[connection] = uri
    return connection


def uri_of(connection: Connection) -> str:
    """The URI that a connection of `connect` was opened with."""
    return _URIS[connection]


def open_psycopg2(uri: str) -> psycopg2.extensions.connection:
    """Opens a psycopg2 connection in UTC; same checks and errors as `connect`."""
    # Imported where it is used: landing processes start often, and need asyncpg only.
    import psycopg2

    parameters(uri)
    try:
        connection = psycopg2.connect(uri, application_name=program(), options="-c timezone=UTC -c jit=off")
    # A message in another language may be in another encoding.
    except (psycopg2.Error, UnicodeError) as error:
        raise unreachable(uri, error) from None
    encoding = connection.info.parameter_status("server_encoding")
    require_usable(connection.info.server_version // 10000, encoding or "", uri)
    return connection


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
    """The error for a server that does not answer or does not let us in; without anything secret."""
    said = without_password(uri, " ".join(str(error).split())) or type(error).__name__
    state = getattr(error, "sqlstate", None) or next(
        (state for words, state in SAID.items() if words in said), ""
    )
    default = "run `headgate up` for the embedded server, or check {place}"
    return HeadgateError(
        f"PostgreSQL, {shown(uri)}",
        expected="a server that accepts the connection",
        found=said,
        next_step=NEXT_STEPS.get(state, default).format(place="HEADGATE_DSN"),
    )
