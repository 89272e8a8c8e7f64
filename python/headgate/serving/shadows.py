"""Shadows of models in processes of their own: scored behind the answer, logged with it, once.

Before the answer leaves, its record stands in a file of records that wait (`log.Waiting`), without a shadow.
When the shadow is there, the whole record goes into the log. What waits when a worker dies is landed as it
stands.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.model.deployment.evidence import NOT_COMPARED
from headgate.serving.loaded import Deployment, Loaded
from headgate.serving.log import PredictionLog, Waiting
from headgate.serving.records import Made, record
from headgate.serving.refusals import Refusal

#: Rows that wait for their shadow at once.
MOST_ROWS = 1_000
#: Instead of a score; it counts against the challenger.
TOO_SLOW = f"not scored: {MOST_ROWS} answers wait for it"
SECONDS_TO_FINISH = 10.0


class Shadows:
    """The shadows that are being scored."""

    def __init__(self, log: PredictionLog) -> None:
        self._log = log
        self._rows = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def begun(
        self, rows: Sequence[Made], deployment: Deployment, shared: Mapping[str, Any]
    ) -> Sequence[Made]:
        """Begins to score the shadows of answers; which of them it takes, and has logged so far.

        Raises:
            Refusal: they could not be logged.
        """
        is_full = self._rows + len(rows) > MOST_ROWS
        for one in rows:
            one.shadow_error = TOO_SLOW if is_full else NOT_COMPARED
        if is_full:
            return ()
        lines = b"".join(record(one, deployment, shared) for one in rows)
        waiting = self._log.append_waiting(lines, len(rows))
        self._rows += len(rows)
        task = asyncio.create_task(self._scored(rows, deployment, shared, waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return rows

    async def finish(self) -> None:
        """Waits for what was begun, some seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SECONDS_TO_FINISH)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _scored(
        self, rows: Sequence[Made], deployment: Deployment, shared: Mapping[str, Any], waiting: Waiting
    ) -> None:
        try:
            for loaded in deployment.versions:
                await _score([one for one in rows if one.version != loaded.version], loaded)
            lines = b"".join(record(one, deployment, shared) for one in rows)
            # Where there is no room, the records that wait are landed as they stand.
            with contextlib.suppress(Refusal):
                self._log.append(lines)
                waiting.done(len(rows))
        finally:
            self._rows -= len(rows)


async def _score(rows: Sequence[Made], loaded: Loaded) -> None:
    if not rows:
        return
    scored = await loaded.scorer.scored([one.values for one in rows])
    for one, (score, error) in zip(rows, scored.rows, strict=True):
        one.shadow_score, one.shadow_error, one.shadow_seconds = score, error, scored.seconds
