"""A landing process: takes deliveries from its parent and lands them on its own connection.

Speaks pickled tuples over stdin and stdout. One process per connection, because unpacking, screening and
privacy keep a core busy each.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, BinaryIO

from headgate import postgres, private
from headgate.contract import Contract
from headgate.errors import HeadgateError
from headgate.landing.copying import quiet_log
from headgate.landing.loader import Loader
from headgate.landing.privacy import Minimiser
from headgate.landing.results import Progress
from headgate.postgres.locks import Locks
from headgate.settings import Settings
from headgate.sources import Delivery, Source

#: Seconds between two progress messages.
PROGRESS_INTERVAL = 0.1
GC_THRESHOLD = 100_000
#: Bytes; the kernel gives less where its limit is lower.
SOCKET_BUFFER = 1 << 20


@dataclass(frozen=True)
class Assignment:
    """What a landing process needs before its first delivery."""

    settings: Settings
    dsn: str
    source: Source
    contract: Contract
    key: bytes
    again: bool = False


class _Messages:
    """Messages to the parent."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._last = 0.0

    def send(self, kind: str, value: Any) -> None:
        with self._lock:
            pickle.dump((kind, value), self._out)
            self._out.flush()

    def progress(self, progress: Progress) -> None:
        """Sends progress, a few times a second."""
        now = time.monotonic()
        if now - self._last >= PROGRESS_INTERVAL:
            self._last = now
            self.send("progress", progress)


def main() -> None:
    """Lands deliveries until the parent has no more."""
    private.begin()
    # Nothing else may write to the pipe.
    messages = _Messages(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    try:
        asyncio.run(_work(messages))
    except HeadgateError as error:
        messages.send("broken", error.as_dict())
    # All is sent and closed: the parent need not wait until the interpreter has freed what the caches hold.
    os._exit(0)


async def _work(messages: _Messages) -> None:
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_listen, args=(loop, inbox), daemon=True).start()
    assignment: Assignment = await inbox.get()
    connection = await postgres.connect_to(assignment.dsn)
    locks = Locks(assignment.dsn)
    minimiser = Minimiser(assignment.contract, assignment.key)
    _widen(connection)
    try:
        await quiet_log(connection)
        # That a load is running may be forgotten when the machine fails; that it landed may not.
        await connection.execute("set synchronous_commit = off")
        # Records come and go without cycles: looking for these is time lost.
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        loader = Loader(
            assignment.settings,
            connection,
            assignment.source,
            assignment.contract,
            minimiser,
            locks,
            messages.progress,
            assignment.again,
        )
        while isinstance(delivery := await inbox.get(), Delivery):
            messages.send("result", await loader.land(delivery))
    finally:
        await locks.close()
        await connection.close(timeout=5)


def _widen(connection: postgres.Connection) -> None:
    """Has the socket take more at once, so that the server works on while the next block is screened."""
    transport = getattr(connection, "_transport", None)
    own = transport.get_extra_info("socket") if transport else None
    # The size of a TCP socket's buffer is better left to the kernel, which knows the way.
    if own is not None and own.family == socket.AF_UNIX:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)


def _listen(loop: asyncio.AbstractEventLoop, inbox: asyncio.Queue[Any]) -> None:
    """Hands on what the parent sends. When the parent is gone, so is this process, at once."""
    while True:
        try:
            message = pickle.load(sys.stdin.buffer)
        except EOFError:
            os._exit(1)
        loop.call_soon_threadsafe(inbox.put_nowait, message)
        if message is None:
            return
