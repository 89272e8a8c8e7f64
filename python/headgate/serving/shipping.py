"""Lands the prediction log: the source `predictions`, each answer exactly once.

Landing knows every answer by its id. A segment is removed once all of it is durable in PostgreSQL; if it is
sent again because that failed, nothing lands twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from headgate.errors import HeadgateError
from headgate.landing.messages import Appended, Message
from headgate.landing.reconnecting import ReconnectingAppender
from headgate.serving.log import CLOSED, OPEN, WAITING

SOURCE = "predictions"
SECONDS_BETWEEN = 1.0
#: After landing failed in another way than by a lost connection.
SECONDS_TO_PAUSE = 15.0
MOST_MESSAGES = 500
#: How `records.line` begins.
_ID = re.compile(rb'\{"prediction_id":"([0-9a-f-]{36})"')


class Shipper:
    """Lands the segments of a folder, whoever wrote them."""

    def __init__(self, folder: Path, appender: ReconnectingAppender) -> None:
        self._folder = folder
        self._appender = appender

    async def run(self, on_error: Callable[[Exception], None]) -> None:
        """Lands what is there, again and again; answers wait on disk for as long as that fails."""
        while True:
            try:
                await self.ship()
            except (HeadgateError, OSError) as error:
                on_error(error)
                await asyncio.sleep(SECONDS_TO_PAUSE)
            await asyncio.sleep(SECONDS_BETWEEN)

    async def ship(self) -> Appended:
        """Lands all segments that are complete, also those that a killed worker left."""
        done = Appended()
        # Answers that waited for their shadow come last: where the whole record has landed, they do not.
        for suffix in (CLOSED, OPEN, WAITING):
            for path in sorted(self._folder.glob(f"*{suffix}")):
                done += await self._segment(path)
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
            done = await self._landed(path)
            await asyncio.to_thread(path.unlink)
            return done
        except BlockingIOError:
            # Its worker writes it, or another one lands it.
            return Appended()
        finally:
            os.close(file)

    async def _landed(self, path: Path) -> Appended:
        done = Appended()
        messages = list(_messages(path.name, await asyncio.to_thread(path.read_bytes)))
        for start in range(0, len(messages), MOST_MESSAGES):
            done += await self._appender.append(messages[start : start + MOST_MESSAGES])
        return done


def _messages(name: str, content: bytes) -> Iterator[Message]:
    """One message a line; a last line without an end was never answered.

    A line that a loss of power spoiled becomes a reject, known by its place.
    """
    *lines, _ = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        if line:
            found = _ID.match(line)
            yield Message(found[1].decode() if found else f"{name}:{number}", line)
