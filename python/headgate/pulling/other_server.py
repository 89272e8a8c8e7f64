"""The other PostgreSQL: what its table looks like, what to read of it, and what cannot change any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.connection import REFUSED, Connection
from headgate.postgres.uri import for_asyncpg, parameters, without_password
from headgate.pulling.rows import Layout
from headgate.sources.loaders import PostgresJsonb

LAG = timedelta(minutes=5)
LAG_OF_NUMBERS = 1000
#: Rows that are not read are counted up to this.
MOST_COUNTED = 1_000
INFINITE = "('infinity', '-infinity')"
NUMBERS = ("bigint", "integer", "smallint")
TIMES = ("timestamp with time zone", "timestamp without time zone")

COLUMNS = """
    select a.attname as name, format_type(a.atttypid, -1) as type
    from pg_attribute as a
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
"""
#: Whether an index begins with the cursor, so that reading in its order needs no sort.
INDEXED = """
    select exists (
        select from pg_index as i
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = to_regclass($1) and a.attname = $2 and i.indisvalid
    )
"""
#: Tells the database from every other, by whatever address it is reached.
IDENTITY = """
    select format('database %s of system %s', current_database(), system_identifier) from pg_control_system()
"""
#: Rows that have no place in the order; counted up to a limit.
UNORDERED = """
    select count(*) from (select from {table} where {condition} limit {limit}) as unordered
"""
#: Before this instant, less the lag, no row becomes visible any more: every transaction that is open, or will
#: be, began later. Asked before the snapshot that rows are read in: what commits between is not missed.
SETTLED_TIME = """
    select (extract(epoch from least(
        clock_timestamp(),
        (
            select min(xact_start) from pg_stat_activity
            where
                datname = current_database() and pid <> pg_backend_pid()
                and backend_type <> 'autovacuum worker'
        ),
        (select min(prepared) from pg_prepared_xacts where database = current_database())
    ) - $1::interval - timestamptz '2000-01-01 00:00Z') * 1000000)::bigint
"""


@dataclass(frozen=True)
class OtherTable:
    """The table that is read, with the SQL for it.

    A position is a cursor (microseconds since 2000, or a number) and a key as text.
    """

    declared: PostgresJsonb
    #: Types by column.
    types: dict[str, str]
    indexed: bool
    #: Where it is, without user and password.
    uri: str
    #: What tells its database from every other.
    server: str

    @property
    def name(self) -> str:
        """The table's quoted name."""
        return f"{_quoted(self.declared.schema)}.{_quoted(self.declared.table)}"

    @property
    def by_number(self) -> bool:
        """Whether the cursor is a number."""
        return self.types[self.declared.cursor] in NUMBERS

    @property
    def parts(self) -> dict[str, str]:
        """What says which rows a position divides, and how, see `binding`."""
        declared = self.declared
        return {
            "server": self.server,
            "table": f"{declared.schema}.{declared.table}",
            "cursor": declared.cursor,
            "cursor kind": "number" if self.by_number else "time",
            "key": ", ".join(declared.key),
            "key types": ", ".join(
                "number" if self.types[name] in NUMBERS else self.types[name] for name in declared.key
            ),
            "record": declared.record,
            "include": ", ".join(declared.include),
        }

    @property
    def layout(self) -> Layout:
        """How its rows come."""
        return Layout(
            version=int(self.types[self.declared.record] == "jsonb"),
            included=bool(self.declared.include),
            watched=self.declared.deletes is not None,
        )

    def rows_query(self, position: tuple[int, str] | None, *, below: int | None, limit: int | None) -> str:
        """Rows behind a position in the order of cursor and key, those with a cursor below `below` only."""
        cursor = _quoted(self.declared.cursor)
        conditions = [self._behind(position) if position else f"{cursor} is not null"]
        if not self.by_number:
            conditions.append(f"isfinite({cursor})")
        if below is not None:
            conditions.append(f"{cursor} < {self._cursor_value(below)}")
        # Of the table: a bare name would mean the field of that name, whose key is text (`10` before `9`).
        order = ", ".join(f"landed.{_quoted(name)}" for name in (self.declared.cursor, *self.declared.key))
        fields = [self._cursor_field(), self._key_field(), _quoted(self.declared.record)]
        if self.declared.include:
            # Not JSONB: what a json column holds may be none.
            fields.append(f"{_json_object(self.declared.include, 'json')}::text")
        if self.declared.deletes is not None:
            fields.append(self._key_object())
        return (
            f"select {', '.join(fields)} from {self.name} as landed where {' and '.join(conditions)} "  # noqa: S608
            f"order by {order}" + (f" limit {limit}" if limit else "")
        )

    def keys_query(self) -> str:
        """Every key that there is, as JSON."""
        return f"select {self._key_object()} from {self.name}"  # noqa: S608 - quoted names

    async def settled(self, connection: Connection) -> int | None:
        """The cursor below which nothing changes any more; None when there is nothing."""
        lag = self.declared.lag
        if self.by_number:
            behind = LAG_OF_NUMBERS if lag is None else lag
            query = f"select max({_quoted(self.declared.cursor)})::bigint - $1 from {self.name}"  # noqa: S608
            found = await connection.fetchval(query, behind)
        else:
            found = await connection.fetchval(SETTLED_TIME, LAG if lag is None else lag)
        return None if found is None else int(found)

    async def unordered(self, connection: Connection) -> int:
        """Rows without a cursor, or with an infinite one, up to `MOST_COUNTED`: no read gets to them."""
        cursor = _quoted(self.declared.cursor)
        condition = f"{cursor} is null" + ("" if self.by_number else f" or {cursor} in {INFINITE}")
        query = UNORDERED.format(table=self.name, condition=condition, limit=MOST_COUNTED)
        return int(await connection.fetchval(query))

    async def highest(self, connection: Connection) -> int | None:
        """The highest cursor; None without rows."""
        cursor = _quoted(self.declared.cursor)
        if self.by_number:
            query = f"select max({cursor})::bigint from {self.name}"  # noqa: S608 - quoted names
        else:
            since = f"max({cursor}) - {self.types[self.declared.cursor]} '2000-01-01 00:00Z'"
            micros = f"(extract(epoch from {since}) * 1000000)::bigint"
            query = f"select {micros} from {self.name} where isfinite({cursor})"  # noqa: S608
        found = await connection.fetchval(query)
        return None if found is None else int(found)

    def _behind(self, position: tuple[int, str]) -> str:
        cursor, key = position
        keys = self.declared.key
        if len(keys) == 1:
            values = [_literal(key)]
        else:
            values = [f"({_literal(key)}::text[])[{number}]" for number in range(1, len(keys) + 1)]
        typed = [f"{value}::{self.types[name]}" for value, name in zip(values, keys, strict=True)]
        columns = ", ".join(map(_quoted, (self.declared.cursor, *keys)))
        return f"({columns}) > ({', '.join([self._cursor_value(cursor), *typed])})"

    def _cursor_value(self, cursor: int) -> str:
        if self.by_number:
            return f"{cursor}::bigint"
        kind = self.types[self.declared.cursor]
        return f"({kind} '2000-01-01 00:00Z' + {cursor} * interval '1 microsecond')"

    def _cursor_field(self) -> str:
        cursor = _quoted(self.declared.cursor)
        return f"{cursor}::bigint" if self.by_number else cursor

    def _key_field(self) -> str:
        keys = [f"{_quoted(name)}::text" for name in self.declared.key]
        return keys[0] if len(keys) == 1 else f"array[{', '.join(keys)}]::text"

    def _key_object(self) -> str:
        return f"{_json_object(self.declared.key, 'jsonb')}::text"


async def open_other(declared: PostgresJsonb) -> Connection:
    """A connection that only reads; the caller closes it.

    Raises:
        UsageError: the variable is not set, or holds no URI.
        HeadgateError: no server answers.
    """
    uri = os.environ.get(declared.dsn_env, "")
    if not uri:
        raise UsageError(
            declared.dsn_env,
            expected="postgresql://user:password@host:port/database of the server to read",
            found="it is not set",
            next_step=f"set the environment variable {declared.dsn_env}",
        )
    parameters(uri, declared.dsn_env)
    try:
        return await asyncpg.connect(
            for_asyncpg(uri),
            server_settings={
                "application_name": "headgate",
                "timezone": "UTC",
                "jit": "off",
                "default_transaction_read_only": "on",
            },
        )
    except REFUSED as error:
        raise HeadgateError(
            f"the server of {declared.dsn_env}",
            expected="a server that accepts the connection",
            found=without_password(uri, " ".join(str(error).split())) or type(error).__name__,
            next_step=f"check the server and {declared.dsn_env}",
        ) from None


async def look_at(connection: Connection, declared: PostgresJsonb) -> OtherTable:
    """The table that is declared.

    Raises:
        UsageError: there is no such table or column, or its type cannot serve.
    """
    name = f"{_quoted(declared.schema)}.{_quoted(declared.table)}"
    found = await connection.fetch(COLUMNS, name)
    types = {row["name"]: row["type"] for row in found}
    subject = f"table {declared.schema}.{declared.table} of the server of {declared.dsn_env}"
    if not types:
        raise _unfit(subject, "a table that the role may see", "none", "correct `table`")
    for column in (declared.record, declared.cursor, *declared.key, *declared.include):
        if column not in types:
            raise _unfit(subject, f"the column {column}", f"only {', '.join(types)}", "correct the loader")
    if types[declared.record] not in ("jsonb", "json"):
        raise _unfit(
            subject, f"jsonb or json in {declared.record}", types[declared.record], "correct `record`"
        )
    if types[declared.cursor] not in (*NUMBERS, *TIMES):
        expected = f"a timestamp or a whole number in {declared.cursor}"
        raise _unfit(subject, expected, types[declared.cursor], "name another column as `cursor`")
    number = types[declared.cursor] in NUMBERS
    if declared.lag is not None and number != isinstance(declared.lag, int):
        expected = "a number as lag of a number" if number else "a time as lag of a timestamp"
        raise _unfit(subject, expected, "the other one", "correct `lag`")
    indexed = await connection.fetchval(INDEXED, name, declared.cursor)
    return OtherTable(declared, types, indexed, _shown(declared), await _identity(connection))


async def _identity(connection: Connection) -> str:
    try:
        return str(await connection.fetchval(IDENTITY))
    except asyncpg.PostgresError:
        # Servers that speak PostgreSQL's protocol only, and those that do not let everybody ask.
        return f"database {await connection.fetchval('select current_database()')}"


def _shown(declared: PostgresJsonb) -> str:
    parts = urlsplit(os.environ[declared.dsn_env])
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.hostname or ''}{port}{parts.path}/{declared.schema}.{declared.table}"


def _json_object(columns: tuple[str, ...], kind: str) -> str:
    pairs = ", ".join(f"{_literal(name)}, {_quoted(name)}" for name in columns)
    return f"{kind}_build_object({pairs})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    if "\\" in escaped:
        return " E'" + escaped.replace("\\", "\\\\") + "'"
    return f"'{escaped}'"


def _unfit(subject: str, expected: str, found: str, next_step: str) -> UsageError:
    return UsageError(subject, expected=expected, found=found, next_step=next_step)
