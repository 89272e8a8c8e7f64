"""`FeatureStore` for code without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from headgate.store.reading.answers import Answer
from headgate.store.reading.arrow_spine import Spine
from headgate.store.reading.catalog import PublishedRelease
from headgate.store.reading.feature_store import FeatureStore
from headgate.store.reading.keys import Key
from headgate.store.reading.training import TrainingSet

T = TypeVar("T")


class SyncFeatureStore:
    """`FeatureStore` with methods that wait, from any thread: arguments, answers and errors are the same.

    The connections live on an event loop in a thread of its own, so this also works where a loop runs, for
    instance in a notebook.
    """

    def __init__(self, dsn: str | None = None, *, connections: int = 4, timeout: float = 30) -> None:
        self._store = FeatureStore(dsn, connections=connections, timeout=timeout)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="headgate feature store", daemon=True
        )
        self._thread.start()

    def online(self, views: str | Sequence[str], keys: Key | Sequence[Key]) -> Answer:
        """See `FeatureStore.online`."""
        return self._run(self._store.online(views, keys))

    def as_of(
        self,
        views: str | Sequence[str],
        keys: Key | Sequence[Key],
        t: datetime,
        *,
        release: int | None = None,
    ) -> Answer:
        """See `FeatureStore.as_of`."""
        return self._run(self._store.as_of(views, keys, t, release=release))

    def training_set(
        self,
        spine: Spine,
        views: str | Sequence[str],
        *,
        release: int | None = None,
        instant: str | None = None,
    ) -> TrainingSet:
        """See `FeatureStore.training_set`."""
        return self._run(self._store.training_set(spine, views, release=release, instant=instant))

    def release(self, number: int | None = None) -> PublishedRelease:
        """See `FeatureStore.release`."""
        return self._run(self._store.release(number))

    def close(self) -> None:
        """Closes the connections and ends the thread."""
        if self._thread.is_alive():
            self._run(self._store.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
