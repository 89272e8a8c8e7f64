"""One worker process: follows what is deployed and keeps its part of the log."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from headgate.logs import service_log
from headgate.postgres.connection import Connection, dsn
from headgate.serving import keys, metrics
from headgate.serving.access import Access
from headgate.serving.answers import Answering
from headgate.serving.deployed import Follower
from headgate.serving.loaded import Deployment
from headgate.serving.log import PredictionLog, folder, pending_bytes
from headgate.serving.refusals import Refusal
from headgate.settings import Settings
from headgate.store.reading import FeatureStore

SECONDS_TO_READ = 5.0
#: Between two ends of a file of the log.
SECONDS_BETWEEN = 2.0
#: Between two lines of the service's log about predictions that failed.
SECONDS_BETWEEN_FAILURES = 60.0


@dataclass(frozen=True)
class Options:
    """How `headgate serve` was called."""

    model: str
    is_open: bool
    keys_file: str | None = None
    rate: float | None = None


class Worker:
    """What a process has beside its routes."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self._settings = settings
        self.model = options.model
        self.log = service_log("serving")
        fixed = keys.from_file(Path(options.keys_file)) if options.keys_file else {}
        self.access = Access(is_open=options.is_open, fixed=fixed, rate=options.rate)
        self.follower = Follower(settings, options.model, self.log, self._read_keys)
        self._told_failures_at = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows while the server runs; at its end, hands on what was answered."""
        _end_with_parent()
        await self.follower.start()
        self.predictions = PredictionLog(folder(self._settings))
        self.store = FeatureStore(dsn(self._settings), timeout=SECONDS_TO_READ)
        self.answering = Answering(self.follower, self.store, self.predictions)
        gc.collect()
        gc.freeze()
        tasks = [asyncio.create_task(work) for work in (self.follower.run(), self._hand_on())]
        for task in tasks:
            task.add_done_callback(self._end_when_broken)
        yield
        await self.answering.shadows.finish()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.predictions.close()
        await self.store.close()
        self.log.info("ended")

    @property
    def deployment(self) -> Deployment:
        """What answers."""
        assert self.follower.current is not None
        return self.follower.current

    def require_deployed(self) -> None:
        """Does nothing unless the model was taken out of service.

        Raises:
            Refusal: 503, it was.
        """
        if self.follower.is_undeployed and self.follower.refusal is not None:
            raise Refusal.of(503, self.follower.refusal)

    @property
    def not_ready(self) -> str | None:
        """Why requests by key cannot be answered; None where they can."""
        if not self.follower.is_connected:
            return "no connection to PostgreSQL"
        return str(self.follower.refusal) if self.follower.refusal else None

    def tell_failure(self, version: int, error: str | None) -> None:
        """Says in the service's log that a prediction failed; not each time."""
        now = time.monotonic()
        if now - self._told_failures_at > SECONDS_BETWEEN_FAILURES:
            self._told_failures_at = now
            self.log.error("predictions fail", model=self.model, version=version, reason=error)

    async def _hand_on(self) -> None:
        """Hands the log to the process that lands it, and sets the gauges of this worker."""
        while True:
            self.predictions.rotate()
            self.predictions.pending = pending_bytes(self.predictions.folder)
            metrics.PENDING.labels(self.model).set(self.predictions.pending)
            metrics.READY.labels(self.model).set(self.not_ready is None)
            await asyncio.sleep(SECONDS_BETWEEN)

    async def _read_keys(self, connection: Connection) -> None:
        self.access.stored = await keys.usable(connection)

    def _end_when_broken(self, task: asyncio.Task[None]) -> None:
        """A process that can follow no more must not go on to answer."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("cannot go on", reason=str(error) or type(error).__name__)
            signal.raise_signal(signal.SIGTERM)


def _end_with_parent() -> None:
    """A worker whose supervisor was killed ends, and frees the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, signal.raise_signal, signal.SIGTERM)
