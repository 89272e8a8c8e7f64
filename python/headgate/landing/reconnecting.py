"""An appender for services: whenever its connection is lost, it opens another and appends again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from headgate.errors import HeadgateError, UsageError
from headgate.landing.memory import OUT_OF_MEMORY
from headgate.landing.messages import OLD, Appended, Appender, Message, close_open_loads, open_appender
from headgate.settings import Settings

T = TypeVar("T")

#: Seconds between attempts: the first, and the longest.
PAUSE, LONGEST_PAUSE = 0.1, 5.0
#: Seconds after which a server that says nothing counts as lost.
PATIENCE = 60.0
#: How often a service that nothing comes to calls `close_when_old`.
SECONDS_BETWEEN_LOOKS = 15.0

#: What a connection that is lost, or not to be had, raises; and what goes by when there is memory again.
LOST = (
    HeadgateError,
    OSError,
    *OUT_OF_MEMORY,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def reason(error: Exception) -> str:
    """Why a connection was lost, for logs; of what PostgreSQL says only the kind: it may quote a record."""
    return str(error) if isinstance(error, HeadgateError) else type(error).__name__


def _ignore(_: Exception | None) -> None:
    pass


@dataclass
class ReconnectingAppender:
    """Lands messages of one source, however often PostgreSQL goes away; one call of a method at a time."""

    settings: Settings
    source_name: str
    uri: str
    #: Told of every failed attempt, and with None that there is a connection.
    on_change: Callable[[Exception | None], None] = _ignore
    _appender: Appender | None = field(default=None, init=False)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack, init=False)
    _pause: float = field(default=PAUSE, init=False)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._appender is not None and not self._appender.connection.is_closed()

    async def append(self, messages: Sequence[Message]) -> Appended:
        """Lands messages; when it returns, they are safe. Tries until they are.

        Raises:
            UsageError: no server, source or contract that could ever take them.
        """

        async def append(appender: Appender) -> Appended:
            return await appender.append(messages) if messages else Appended()

        return await self._until_done(append)

    async def close_when_old(self) -> None:
        """Closes the source's old open loads, also one that a lost connection left; for when nothing comes.

        Raises:
            UsageError: see `append`.
        """

        async def close(appender: Appender) -> None:
            await close_open_loads(self.settings, appender.connection, self.source_name, older_than=OLD)

        await self._until_done(close)

    async def connect(self) -> None:
        """Opens the connection, however long that takes.

        Raises:
            UsageError: see `append`.
        """
        await self.append([])

    async def close(self) -> None:
        """Closes the load and the connection; a lost one leaves its load to whoever builds next."""
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(PATIENCE):
                await self._stack.aclose()
        self._appender = None

    async def _until_done(self, work: Callable[[Appender], Awaitable[T]]) -> T:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await work(self._appender or await self._connect())
            except UsageError:
                raise
            except LOST as error:
                await self._drop(error)

    async def _connect(self) -> Appender:
        opened = open_appender(self.settings, self.source_name, uri=self.uri)
        self._appender = await self._stack.enter_async_context(opened)
        self._pause = PAUSE
        self.on_change(None)
        return self._appender

    async def _drop(self, error: Exception) -> None:
        self.on_change(error)
        self._appender = None
        stack, self._stack = self._stack, contextlib.AsyncExitStack()
        with contextlib.suppress(*LOST):
            # With the error: so the appender does not try to close its load.
            await stack.__aexit__(type(error), error, error.__traceback__)
        await asyncio.sleep(self._pause * random.uniform(0.5, 1))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
