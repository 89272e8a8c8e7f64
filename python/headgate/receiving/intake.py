"""Gathers deliveries while a transaction runs and lands them together in the next one (group commit)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field

from headgate.landing.messages import Message
from headgate.landing.reconnecting import SECONDS_BETWEEN_LOOKS, ReconnectingAppender

#: Deliveries that wait at most, and bytes of bodies, those still being read included; more is refused.
MOST_WAITING = 5_000
MOST_BYTES_HELD = 256 << 20
#: Of these, what is kept for bodies of usual size: large ones, which strangers send too, do not stop those.
KEPT_FOR_SMALL, SMALL = 32 << 20, 256 << 10
#: What one transaction lands at most, but for a single larger delivery.
MOST_MESSAGES = 500
MOST_BYTES = 4 << 20
#: Senders give up after 10 seconds; by then it has its answer.
SECONDS_TO_ANSWER = 8.0


class FullError(Exception):
    """More deliveries wait than the receiver keeps."""


class AwayError(Exception):
    """The delivery was not durable in time: PostgreSQL is away, or too slow."""


@dataclass(slots=True, eq=False)
class _Waiting:
    message: Message
    durable: asyncio.Future[None]


@dataclass
class Held:
    """The memory of one request: counted until the request is answered."""

    intake: Intake
    _bytes: int = field(default=0, init=False)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def add(self, size: int) -> None:
        """Counts bytes that were read.

        Raises:
            FullError: all requests together hold too much, or leave too little to small bodies.
        """
        self._bytes += size
        self.intake.bytes_held += size
        most = MOST_BYTES_HELD if self._bytes <= SMALL else MOST_BYTES_HELD - KEPT_FOR_SMALL
        if self.intake.bytes_held > most:
            raise FullError

    def drop(self) -> None:
        """Counts no more what was read so far."""
        self.intake.bytes_held -= self._bytes
        self._bytes = 0


@dataclass
class Intake:
    """Lands deliveries of many requests through one appender."""

    appender: ReconnectingAppender
    #: Bytes of all bodies that are not answered yet.
    bytes_held: int = field(default=0, init=False)
    _waiting: deque[_Waiting] = field(default_factory=deque, init=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _ending: bool = field(default=False, init=False)

    def hold(self) -> Held:
        """Room for one more request.

        Raises:
            FullError: too many wait.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise FullError
        return Held(self)

    async def land(self, message: Message) -> None:
        """Returns when the message is durable.

        Raises:
            AwayError: it did not become durable in time; it may all the same, later.
        """
        waiting = _Waiting(message, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._arrived.set()
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                await waiting.durable
        except TimeoutError:
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiting)
            raise AwayError from None

    async def run(self) -> None:
        """Lands what arrives until `end` is called and nothing waits any more."""
        await self.appender.connect()
        while not (self._ending and not self._waiting):
            batch = self._take()
            if not batch:
                self._arrived.clear()
                await self._wait()
                continue
            await self.appender.append([waiting.message for waiting in batch])
            for waiting in batch:
                if not waiting.durable.done():
                    waiting.durable.set_result(None)

    def end(self) -> None:
        """Has `run` return once everything that waits is durable."""
        self._ending = True
        self._arrived.set()

    async def _wait(self) -> None:
        """Waits for a delivery; while none comes, models get to see the last ones all the same."""
        try:
            async with asyncio.timeout(SECONDS_BETWEEN_LOOKS):
                await self._arrived.wait()
        except TimeoutError:
            await self.appender.close_when_old()

    def _take(self) -> list[_Waiting]:
        """The next transaction's deliveries."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MOST_MESSAGES and size < MOST_BYTES:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].message.body)
        return batch
