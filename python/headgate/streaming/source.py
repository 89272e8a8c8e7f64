"""The source: hands batches on, and acknowledges each when the handler has returned.

While a batch is handled, the next one is fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from nats.aio.msg import Msg

from headgate.logs import service_log
from headgate.settings import Settings, load_settings
from headgate.streaming.config import read_config
from headgate.streaming.jetstream import MESSAGE_ID, Batches
from headgate.streaming.loop import LoopThread
from headgate.streaming.messages import Received


class Source:
    """Follows a stream."""

    def __init__(self, variables: Mapping[str, Any] | None = None, settings: Settings | None = None) -> None:
        """Reads the configuration from the pipeline's variables.

        Raises:
            UsageError: one cannot be used.
        """
        self._config = read_config(variables or {})
        settings = settings or load_settings()
        self._loop = LoopThread("stream source")
        self._batches = Batches(settings.nats_url, self._config, service_log("stream source"))
        self._closed = False

    def read(self, handle: Callable[[list[Received]], object]) -> None:
        """Hands batches on until the stream is idle for as long as the configuration says.

        Raises what `handle` raises: then the batch is not acknowledged, and comes again.
        """
        idle_since = time.monotonic()
        fetching = self._fetch()
        while messages := self._next(fetching, idle_since):
            fetching = self._fetch()
            handle([_received(message) for message in messages])
            self._loop.run(self._batches.acknowledge(messages))
            idle_since = time.monotonic()

    def close(self) -> None:
        """Ends the connection."""
        if not self._closed:
            self._closed = True
            self._loop.run(self._batches.close())
            self._loop.close()

    def _fetch(self) -> Future[list[Msg]]:
        return self._loop.start(self._batches.next())

    def _next(self, fetching: Future[list[Msg]], idle_since: float) -> list[Msg]:
        """The next batch; empty when it is time to stop."""
        limit = self._config.stop_when_idle_seconds
        while not (messages := fetching.result()):
            if limit and time.monotonic() - idle_since > limit:
                break
            fetching = self._fetch()
        return messages


def _received(message: Msg) -> Received:
    metadata = message.metadata
    headers = message.headers or {}
    return Received(message.data, metadata.stream, metadata.sequence.stream, headers.get(MESSAGE_ID))
