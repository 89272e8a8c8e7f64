"""Locks that only who may write to ops can take, and what is said while somebody waits for one.

A lock is the row of its name in ops.locks, held by a transaction. Advisory locks would not do: their numbers
can be read from pg_locks, and every role that may connect can take them.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from headgate.postgres.connection import Connection, connect_to, open_psycopg2, uri_of

if TYPE_CHECKING:
    import psycopg2.extensions

    Psycopg2Connection: TypeAlias = psycopg2.extensions.connection

#: Waits for another transaction that holds the name; holds it until the end of this one.
TAKE = "insert into ops.locks (name) values ({}) on conflict (name) do update set name = excluded.name"
#: So that others see a name before its lock is taken; a name that is there is not waited for.
NAME_IT = """
    insert into ops.locks (name)
    select %(name)s where not exists (select from ops.locks where name = %(name)s)
    on conflict do nothing
"""
#: How long a session waits before it is said for whom, in seconds.
PATIENCE = 1.0

HOLDERS = """
    select pid, coalesce(usename, 'nobody'), coalesce(nullif(application_name, ''), 'an unnamed program'),
        to_char(coalesce(xact_start, backend_start) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    from unnest(pg_blocking_pids(%s)) as blocking (pid)
    inner join pg_stat_activity using (pid)
"""
#: Whether a transaction holds a row that is there: the row names it.
IS_HELD = """
    select exists (
        select from ops.locks as locks
        inner join pg_locks as held
            on held.locktype = 'transactionid' and held.granted and held.transactionid = locks.xmax
        where locks.name = {}
    )
"""


def landing_lock(source: str, entity: str, what: str) -> str:
    """The lock of whoever lands, or decides on, a partition (its start), a file or a content."""
    return f"landing of {source}.{entity} {what}"


@dataclass
class Locks:
    """Named locks, held by a session of their own: what else a connection does ends no lock."""

    uri: str
    _session: Connection | None = field(default=None, init=False)

    @contextlib.asynccontextmanager
    async def held(self, name: str, *, seconds: float | None = None) -> AsyncIterator[None]:
        """Holds a lock for as long as the block lasts, or until this process is gone.

        Locks within locks are let go of in reverse order.

        Raises:
            asyncpg.LockNotAvailableError: somebody else held it for `seconds`.
        """
        session = await self._open()
        transaction = session.transaction()
        await transaction.start()
        try:
            if seconds is not None:
                await session.execute(f"set local lock_timeout = {max(round(seconds * 1000), 1)}")
            await take(session, name)
            yield
        finally:
            if not session.is_closed():
                await transaction.rollback()

    async def close(self) -> None:
        """Ends the session."""
        if self._session is not None:
            await self._session.close(timeout=5)

    async def _open(self) -> Connection:
        if self._session is None or self._session.is_closed():
            self._session = await connect_to(self.uri)
            await self._session.execute("set idle_in_transaction_session_timeout = 0")
        return self._session


@contextlib.asynccontextmanager
async def held(connection: Connection, *names: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Holds locks in the database of a connection, by one session that lasts as long; see `Locks.held`."""
    locks = Locks(uri_of(connection))
    try:
        async with contextlib.AsyncExitStack() as stack:
            for name in names:
                await stack.enter_async_context(locks.held(name, seconds=seconds))
            yield
    finally:
        await locks.close()


async def take(connection: Connection, name: str) -> None:
    """Takes a lock until the end of the transaction that the connection is in."""
    uri = uri_of(connection)
    with _told_waits(lambda: open_psycopg2(uri), connection.get_server_pid(), name):
        await connection.execute(TAKE.format("$1"), name)


def take_psycopg2(connection: Psycopg2Connection, name: str) -> None:
    """The same on a connection of psycopg2."""
    with (
        _told_waits(lambda: _another(connection), connection.info.backend_pid, name),
        connection.cursor() as cursor,
    ):
        cursor.execute(TAKE.format("%s"), (name,))


def hold_psycopg2(
    connection: Psycopg2Connection, name: str, *, seconds: float | None = None
) -> Psycopg2Connection:
    """Another session in the same database that holds a lock until it is closed; `is_held` sees that.

    Raises:
        psycopg2.errors.LockNotAvailable: somebody else held it for `seconds`.
    """
    session = _another(connection)
    try:
        with session.cursor() as cursor:
            cursor.execute("set idle_in_transaction_session_timeout = 0")
            if seconds is not None:
                limit = f"{round(seconds * 1000)}ms"
                cursor.execute("select set_config('lock_timeout', %s, false)", (limit,))
            cursor.execute(NAME_IT, {"name": name})
            session.commit()
        take_psycopg2(session, name)
    except BaseException:
        session.close()
        raise
    return session


def let_go(session: Psycopg2Connection) -> None:
    """Lets go of what a session of `hold_psycopg2` holds, at once."""
    if not session.closed:
        session.rollback()
        session.close()


@contextlib.contextmanager
def held_psycopg2(connection: Psycopg2Connection, name: str) -> Iterator[None]:
    """Holds a lock for as long as the block lasts, by another session."""
    session = hold_psycopg2(connection, name)
    try:
        yield
    finally:
        let_go(session)


def is_held(connection: Psycopg2Connection, name: str) -> bool:
    """Whether some session holds a lock by `hold_psycopg2`."""
    with connection.cursor() as cursor:
        cursor.execute(IS_HELD.format("%s"), (name,))
        [[found]] = cursor.fetchall()
    return bool(found)


@contextlib.contextmanager
def _told_waits(another: Callable[[], Psycopg2Connection], pid: int, name: str) -> Iterator[None]:
    """Says once, on standard error, for whom a session waits that does so for longer than a second."""
    timer = threading.Timer(PATIENCE, _tell, (another, pid, name))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell(another: Callable[[], Psycopg2Connection], pid: int, name: str) -> None:
    # Whoever waits goes on waiting, whatever becomes of the message.
    with contextlib.suppress(Exception), contextlib.closing(another()) as connection:
        with connection.cursor() as cursor:
            cursor.execute(HOLDERS, (pid,))
            holders = cursor.fetchall()
        for holder, user, program, since in holders:
            sentence = f"waiting for {name}, held by process {holder} ({user}, {program}, since {since} UTC)"
            print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def _another(connection: Psycopg2Connection) -> Psycopg2Connection:
    """A second connection to where one leads."""
    import psycopg2.extensions

    info = connection.info
    password = {"password": info.password} if info.password else {}
    return psycopg2.connect(psycopg2.extensions.make_dsn(**info.dsn_parameters, **password))
