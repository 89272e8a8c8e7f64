"""Scores rows with a version; what a model raises is an error of its rows, never of the server."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from headgate.model.attempts import tried
from headgate.model.flavours import Predictor, Values
from headgate.model.output import Output, output

#: Until a request that waits for others' is given up, where a model waits for a process of its own.
MOST_SECONDS_WAITING = 10.0
#: In which a batch that fails as a whole is asked in parts: in this process, where all requests wait
#: meanwhile, and in one of its own.
MOST_SECONDS_APART, MOST_SECONDS_APART_ELSEWHERE = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of rows, each with what went wrong instead, and how long the version took for all of them."""

    rows: Sequence[tuple[Any, str | None]]
    seconds: float


class Scorer:
    """One version's way to its scores: in this process, or in a thread of its own where another computes.

    Of its own: a model that hangs keeps nobody waiting but those who ask it.

    In this process single rows that are asked for in one turn of the event loop are scored one behind the
    other: a version's trees are in the core's caches then. After other work a row of 300 trees takes up to
    three times as long.
    """

    def __init__(self, predictor: Predictor, task: str, options: Mapping[str, Any]) -> None:
        self.predictor = predictor
        # A score is a number, or what a custom model says; of several classes, chances by name.
        self._named = functools.partial(output, task, options) if task == "multiclass" else None
        self.waits = predictor.waits
        self._thread = ThreadPoolExecutor(1, "model") if predictor.waits else None
        #: What was asked for in this turn of the event loop.
        self._asked: list[tuple[Sequence[Values], asyncio.Future[Scored]]] = []

    def scored(self, rows: Sequence[Values]) -> asyncio.Future[Scored]:
        """The scores of rows, to be awaited; for another version's one asks before that."""
        loop = asyncio.get_running_loop()
        if self._thread is not None:
            waiting = self._thread.submit(self._in_turn, rows, time.perf_counter())
            return asyncio.ensure_future(_until_begun(waiting, len(rows)))
        scored: asyncio.Future[Scored] = loop.create_future()
        if len(rows) > 1:
            scored.set_result(self.scored_now(rows))
            return scored
        if not self._asked:
            loop.call_soon(self._score_asked)
        self._asked.append((rows, scored))
        return scored

    def scored_now(self, rows: Sequence[Values]) -> Scored:
        """The same, of a version that computes in this process."""
        begun = time.perf_counter()
        found = self._tried(rows)
        return Scored(found, time.perf_counter() - begun)

    def close(self) -> None:
        """Gives up the model; those who still ask get an error."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
        self.predictor.close()

    def _score_asked(self) -> None:
        asked, self._asked = self._asked, []
        for rows, scored in asked:
            # Who is told to stop waits no more.
            if scored.done():
                continue
            try:
                scored.set_result(self.scored_now(rows))
            except Exception as error:
                scored.set_exception(error)

    def _in_turn(self, rows: Sequence[Values], asked: float) -> Scored:
        return Scored(self._tried(rows), time.perf_counter() - asked)

    def _tried(self, rows: Sequence[Values]) -> Sequence[tuple[Any, str | None]]:
        seconds = MOST_SECONDS_APART_ELSEWHERE if self.waits else MOST_SECONDS_APART
        found = tried(self.predictor, rows, seconds)
        return found if self._named is None else [_named(self._named, *one) for one in found]


async def _until_begun(waiting: Future[Scored], rows: int) -> Scored:
    """What a thread comes to; given up where others' requests keep it busy for too long."""
    scored = asyncio.wrap_future(waiting)
    await asyncio.wait([scored], timeout=MOST_SECONDS_WAITING)
    if waiting.cancel() or waiting.cancelled():
        return Scored([(None, "too many requests wait for the model")] * rows, MOST_SECONDS_WAITING)
    return await scored


def _named(named: Callable[[Any], Output], score: Any, error: str | None) -> tuple[Any, str | None]:
    """Chances by the names of their classes; a model that gives others than these has failed."""
    try:
        found = None if score is None else named(score)
    except (TypeError, ValueError):
        return None, "expected a chance for each class"
    if found is not None and not all(map(math.isfinite, (found.probabilities or {}).values())):
        return None, "expected a chance for each class"
    return found, error
