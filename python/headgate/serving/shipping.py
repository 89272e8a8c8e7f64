"""Lands the prediction log: the source `predictions`, each answer exactly once.

Landing knows every answer by its id. A segment is removed once all of it is durable in PostgreSQL; if it is
sent again because that failed, nothing lands twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from headgate.landing.messages import Appended, Message
from headgate.landing.reconnecting import ReconnectingAppender
from headgate.serving.log import CLOSED, OPEN, PredictionLog, pending_bytes

SOURCE = "predictions"
SECONDS_BETWEEN = 2.0
MOST_MESSAGES = 500


class Shipper:
    """Lands the segments of a folder, whoever wrote them."""

    def __init__(
        self, folder: Path, appender: ReconnectingAppender, log: PredictionLog | None = None
    ) -> None:
        self._folder = folder
        self._appender = appender
        self._log = log

    async def run(self) -> None:
        """Lands what is there, again and again."""
        while True:
            await self.ship()
            await asyncio.sleep(SECONDS_BETWEEN)

    async def ship(self) -> Appended:
        """Lands all segments that are complete, also those that a killed worker left."""
        if self._log is not None:
            self._log.rotate()
        done = Appended()
        for path in sorted([*self._folder.glob(f"*{CLOSED}"), *self._folder.glob(f"*{OPEN}")]):
            done += await self._segment(path)
        if self._log is not None:
            self._log.pending = pending_bytes(self._folder)
        return done

    async def _segment(self, path: Path) -> Appended:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return Appended()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not await asyncio.to_thread(path.exists):
                return Appended()
            done = await self._landed(await asyncio.to_thread(path.read_bytes))
            await asyncio.to_thread(path.unlink)
            return done
        except BlockingIOError:
            # Its worker writes it, or another one lands it.
            return Appended()
        finally:
            os.close(file)

    async def _landed(self, content: bytes) -> Appended:
        done = Appended()
        messages = list(_messages(content))
        for start in range(0, len(messages), MOST_MESSAGES):
            done += await self._appender.append(messages[start : start + MOST_MESSAGES])
        return done


def _messages(content: bytes) -> Iterator[Message]:
    """One message a line; a last line without an end was never answered."""
    *lines, _ = content.split(b"\n")
    for line in lines:
        if line:
            yield Message(orjson.loads(line)["prediction_id"], line)
