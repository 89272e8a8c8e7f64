"""Scores rows with a version; what a model raises is an error of its rows, never of the server."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from headgate.model.flavours import PredictionError, Predictor, UnansweredError, Values
from headgate.model.output import Output, output

#: Until a request that waits for others' is given up, where a model waits for a process of its own.
MOST_SECONDS_WAITING = 10.0


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
            return loop.run_in_executor(self._thread, self._in_turn, rows, time.perf_counter())
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
        waited = time.perf_counter() - asked
        if waited > MOST_SECONDS_WAITING:
            return Scored([(None, "too many requests wait for the model")] * len(rows), waited)
        return Scored(self._tried(rows), time.perf_counter() - asked)

    def _tried(self, rows: Sequence[Values]) -> Sequence[tuple[Any, str | None]]:
        found = _tried(self.predictor, rows)
        return found if self._named is None else [_named(self._named, *one) for one in found]


def _tried(predictor: Predictor, rows: Sequence[Values]) -> list[tuple[Any, str | None]]:
    """By row a score or an error; a batch that fails as a whole is asked row by row."""
    if len(rows) == 1:
        return [_tried_one(predictor, rows[0])]
    try:
        return [(score, None) for score in predictor.predict(rows)]
    except UnansweredError as error:
        return [(None, error.found)] * len(rows)
    except Exception:
        return _one_by_one(predictor, rows)


def _one_by_one(predictor: Predictor, rows: Sequence[Values]) -> list[tuple[Any, str | None]]:
    found: list[tuple[Any, str | None]] = []
    for place, row in enumerate(rows):
        try:
            found.append((predictor.predict_one(row), None))
        except UnansweredError as error:
            # Whoever does not answer one would let each of the others wait as long.
            return found + [(None, error.found)] * (len(rows) - place)
        except Exception as error:
            found.append((None, _said(error)))
    return found


def _named(named: Callable[[Any], Output], score: Any, error: str | None) -> tuple[Any, str | None]:
    """Chances by the names of their classes; a model that gives others than these has failed."""
    try:
        found = None if score is None else named(score)
    except (TypeError, ValueError):
        return None, "expected a chance for each class"
    if found is not None and not all(map(math.isfinite, (found.probabilities or {}).values())):
        return None, "expected a chance for each class"
    return found, error


def _tried_one(predictor: Predictor, row: Values) -> tuple[Any, str | None]:
    try:
        return predictor.predict_one(row), None
    except Exception as error:
        return None, _said(error)


def _said(error: Exception) -> str:
    """What went wrong; of what a library says only the kind, for it may quote a value."""
    return error.found if isinstance(error, PredictionError) else type(error).__name__
