"""The process that lands the prediction log of one server, beside its workers: landing delays no answer.

`python -m headgate.serving.shipper` ends when its standard input does, after it has landed what is there:
when the server ends, however that happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from types import TracebackType

from headgate import private
from headgate.landing.reconnecting import ReconnectingAppender, reason
from headgate.logs import service_log
from headgate.serving import log
from headgate.serving.shipping import SOURCE, Shipper
from headgate.settings import load_settings

#: To land what is there at the end.
SECONDS_TO_SHIP = 5.0
SECONDS_TO_END = 15.0
#: Until one that ended by itself is started again.
SECONDS_TO_RESTART = 2.0


class ShipperProcess:
    """The process, started again whenever it ends, for as long as the `with` block runs."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> ShipperProcess:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        process = self._process
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()

    def _keep(self) -> None:
        while not self._is_over.is_set():
            self._process.wait()
            if not self._is_over.wait(SECONDS_TO_RESTART):
                self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE)


async def ship() -> None:
    """Lands the log until standard input ends."""
    settings = load_settings()
    told = service_log("serving")

    def tell(error: Exception | None) -> None:
        if error is not None:
            told.warning("cannot land the prediction log", reason=reason(error))

    folder = private.folder(log.folder(settings))
    appender = ReconnectingAppender(settings, SOURCE, uri=f"serving, process {os.getpid()}", on_change=tell)
    shipper = Shipper(folder, appender)
    shipping = asyncio.create_task(shipper.run(tell))
    await _end_of_input()
    shipping.cancel()
    await asyncio.gather(shipping, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_SHIP):
            await shipper.ship()
    await appender.close()


async def _end_of_input() -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 1):
            over.set()

    loop.add_reader(0, read)
    await over.wait()
    loop.remove_reader(0)


if __name__ == "__main__":
    # Whoever ends the server's group of processes ends the server first, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Answers come first.
    os.nice(5)
    asyncio.run(ship())
