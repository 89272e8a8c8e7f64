"""The sink: lands a batch, and returns when it is durable."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from headgate.errors import UsageError
from headgate.landing.messages import Appended, Message
from headgate.landing.reconnecting import SECONDS_BETWEEN_LOOKS, ReconnectingAppender, reason
from headgate.logs import service_log
from headgate.settings import Settings, load_settings
from headgate.streaming.loop import LoopThread


class Sink:
    """Lands batches of messages; waits for PostgreSQL as long as it is away."""

    def __init__(self, source: str, settings: Settings | None = None) -> None:
        """Lands what comes as records of the source called `source`."""
        self._log = service_log("stream sink")
        self._loop = LoopThread("stream sink")
        self._closed = False
        self._appender = ReconnectingAppender(
            settings or load_settings(),
            source,
            uri=f"stream, process {os.getpid()}",
            on_change=self._tell,
        )
        self._turn = asyncio.Lock()
        self._looking = self._loop.start(self._look())

    def write(self, messages: Sequence[Message]) -> Appended:
        """Lands messages in one transaction; when it returns, they are safe.

        Raises:
            UsageError: no server, source or contract that could ever take them.
        """
        return self._loop.run(self._append(messages))

    def close(self) -> None:
        """Shows models what was landed."""
        if not self._closed:
            self._closed = True
            self._looking.cancel()
            self._loop.run(self._close())
            self._loop.close()

    async def _append(self, messages: Sequence[Message]) -> Appended:
        async with self._turn:
            return await self._appender.append(messages)

    async def _close(self) -> None:
        async with self._turn:
            await self._appender.close()

    async def _look(self) -> None:
        """Models get to see the last messages also when no others come."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            async with self._turn:
                try:
                    await self._appender.close_when_old()
                except UsageError as error:
                    # The next batch meets it too, and its caller is told.
                    self._log.warning("cannot close the load", reason=str(error))

    def _tell(self, error: Exception | None) -> None:
        if error is None:
            self._log.info("connected to PostgreSQL")
        else:
            self._log.warning("no connection to PostgreSQL", reason=reason(error))
