"""The sink: lands a batch, and returns when it is durable."""

from __future__ import annotations

import os
from collections.abc import Sequence

from headgate.landing.lasting import LastingAppender, reason
from headgate.landing.messages import Appended, Message
from headgate.logs import service_log
from headgate.settings import Settings, load_settings
from headgate.sources import GITHUB_EVENTS
from headgate.streaming.loop import LoopThread


class Sink:
    """Lands batches of messages; waits for PostgreSQL as long as it is away."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._log = service_log("stream sink")
        self._loop = LoopThread("stream sink")
        self._closed = False
        self._appender = LastingAppender(
            settings or load_settings(),
            GITHUB_EVENTS.name,
            uri=f"stream, process {os.getpid()}",
            on_change=self._tell,
        )

    def write(self, messages: Sequence[Message]) -> Appended:
        """Lands messages in one transaction; when it returns, they are safe.

        Raises:
            UsageError: no server, source or contract that could ever take them.
        """
        return self._loop.run(self._appender.append(messages))

    def close(self) -> None:
        """Shows models what was landed."""
        if not self._closed:
            self._closed = True
            self._loop.run(self._appender.close())
            self._loop.close()

    def _tell(self, error: Exception | None) -> None:
        if error is None:
            self._log.info("connected to PostgreSQL")
        else:
            self._log.warning("no connection to PostgreSQL", reason=reason(error))
