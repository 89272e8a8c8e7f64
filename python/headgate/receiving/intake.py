"""Gathers deliveries while a transaction runs and lands them together in the next one (group commit)."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from headgate.landing.lasting import LastingAppender
from headgate.landing.messages import Message

#: What waits at most; more is refused, so that memory stays bounded.
MOST_WAITING = 5_000
MOST_WAITING_BYTES = 128 << 20
#: What one transaction lands at most, but for a single larger delivery.
MOST_MESSAGES = 500
MOST_BYTES = 4 << 20
#: GitHub gives up after 10 seconds; by then it has its answer.
SECONDS_TO_ANSWER = 8.0


class FullError(Exception):
    """More deliveries wait than the receiver keeps."""


class AwayError(Exception):
    """The delivery was not durable in time: PostgreSQL is away, or too slow."""


@dataclass(slots=True)
class _Waiting:
    message: Message
    durable: asyncio.Future[None]


@dataclass
class Intake:
    """Lands deliveries of many requests through one appender."""

    appender: LastingAppender
    _waiting: deque[_Waiting] = field(default_factory=deque, init=False)
    _waiting_bytes: int = field(default=0, init=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _ending: bool = field(default=False, init=False)

    def require_room(self, size: int) -> None:
        """Refuses a body of so many bytes when too much waits already.

        Raises:
            FullError: it does.
        """
        if len(self._waiting) >= MOST_WAITING or self._waiting_bytes + size > MOST_WAITING_BYTES:
            raise FullError

    async def land(self, message: Message) -> None:
        """Returns when the message is durable.

        Raises:
            FullError: too much waits.
            AwayError: it did not become durable in time; it may all the same, later.
        """
        size = len(message.body)
        self.require_room(size)
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(message, durable))
        self._waiting_bytes += size
        self._arrived.set()
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                await durable
        except TimeoutError:
            raise AwayError from None

    async def run(self) -> None:
        """Lands what arrives until `end` is called and nothing waits any more."""
        await self.appender.connect()
        while not (self._ending and not self._waiting):
            batch = self._take()
            if not batch:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self.appender.append([waiting.message for waiting in batch])
            for waiting in batch:
                if not waiting.durable.done():
                    waiting.durable.set_result(None)

    def end(self) -> None:
        """Has `run` return once everything that waits is durable."""
        self._ending = True
        self._arrived.set()

    def _take(self) -> list[_Waiting]:
        """The next transaction's deliveries, without those that were answered already."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MOST_MESSAGES and size < MOST_BYTES:
            waiting = self._waiting.popleft()
            self._waiting_bytes -= len(waiting.message.body)
            if not waiting.durable.done():
                batch.append(waiting)
                size += len(waiting.message.body)
        return batch
