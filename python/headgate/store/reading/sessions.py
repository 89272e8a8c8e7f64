"""Connections that only read, each with its prepared statements."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection, shown, unreachable
from headgate.postgres.uri import for_asyncpg

Prepared: TypeAlias = "PreparedStatement[asyncpg.Record]"
#: Statements kept per connection; each release with another shape brings its own.
STATEMENTS = 100
SETTINGS = {
    "application_name": "headgate feature store",
    "timezone": "UTC",
    "jit": "off",
    "default_transaction_read_only": "on",
    # All reads are looks into primary keys: no argument deserves a plan of its own.
    "plan_cache_mode": "force_generic_plan",
}
#: The statement was prepared for tables that have changed since.
OUTDATED = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSQLStatementNameError,
)
#: The connection is gone; what it was asked has changed nothing, so another one may be asked.
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    # It was lost just while it was asked.
    asyncpg.InternalClientError,
)


class Session:
    """One connection; used by one reader at a time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._prepared: dict[str, Prepared] = {}

    async def fetch(self, statement: str, arguments: list[Any], seconds: float) -> list[asyncpg.Record]:
        """Runs a statement, which is prepared when the connection sees it first."""
        prepared = self._prepared.get(statement)
        if prepared is None:
            if len(self._prepared) >= STATEMENTS:
                self._prepared.clear()
            prepared = self._prepared[statement] = await self.connection.prepare(statement)
        return await prepared.fetch(*arguments, timeout=seconds)

    def forget(self) -> None:
        """Prepares everything anew from now on."""
        self._prepared.clear()


class Sessions:
    """As many sessions as readers need at once, up to a limit; opened when needed, kept until closed."""

    def __init__(self, dsn: str, limit: int, timeout: float) -> None:
        self._dsn = dsn
        self._timeout = timeout
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[Session] = []
        self._closed = False

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Runs a reading statement; once more on a new connection when the one it ran on was lost.

        Raises:
            HeadgateError: no server answers, or not in time, or the role may not read.
        """
        async with self._slots:
            try:
                return await self._attempt(statement, list(arguments))
            except asyncpg.DataError:
                raise
            except LOST:
                self._drop_idle()
            try:
                return await self._attempt(statement, list(arguments))
            except asyncpg.DataError:
                raise
            except LOST as error:
                raise unreachable(self._dsn, error) from None

    async def _attempt(self, statement: str, arguments: list[Any]) -> list[asyncpg.Record]:
        session = self._idle.pop() if self._idle else await self._open()
        try:
            found = await session.fetch(statement, arguments, self._timeout)
        except TimeoutError as error:
            session.connection.terminate()
            raise HeadgateError(
                f"feature store, {shown(self._dsn)}",
                expected=f"an answer within {self._timeout:g} s",
                found="none",
                next_step="look at the server's load, or give FeatureStore a longer timeout",
            ) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise HeadgateError(
                f"feature store, {shown(self._dsn)}",
                expected="a role that may read schema feature_store",
                found=str(error),
                next_step="grant usage on schema feature_store and select on all tables in it",
            ) from error
        except OUTDATED:
            session.forget()
            raise
        except LOST:
            session.connection.terminate()
            raise
        finally:
            self._give_back(session)
        return found

    def _give_back(self, session: Session) -> None:
        if self._closed:
            session.connection.terminate()
        elif not session.connection.is_closed():
            self._idle.append(session)

    def _drop_idle(self) -> None:
        for session in self._idle:
            session.connection.terminate()
        self._idle.clear()

    async def _open(self) -> Session:
        try:
            connection = await asyncpg.connect(
                for_asyncpg(self._dsn), timeout=self._timeout, server_settings=SETTINGS
            )
        except (asyncpg.PostgresError, TimeoutError) as error:
            if isinstance(error, LOST):
                raise
            raise unreachable(self._dsn, error) from None
        return Session(connection)

    async def close(self) -> None:
        """Closes the connections; those in use when their readers are done."""
        self._closed = True
        while self._idle:
            await self._idle.pop().connection.close()
