"""Runs the chunks of a backfill: those of a batch at once, then its build, then the next batch."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from headgate.backfill.pace import Pace
from headgate.backfill.plan import BUILD, LAND, Chunk, Options, Outcome, Pipeline
from headgate.backfill.state import ChunkState, Claim
from headgate.errors import GateFailed, HeadgateError
from headgate.settings import Settings

SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a backfill tells while it works. `moved`: hours are done in chunks that go on."""

    kind: Literal["started", "moved", "done", "failed"]
    pace: Pace
    seconds_left: float | None
    chunk: Chunk | None = None
    outcome: Outcome = field(default_factory=dict)
    error: str | None = None


Tell = Callable[[Event], None]


class _StoppedError(Exception):
    """The backfill was stopped: a chunk ends at its next hour."""


@dataclass
class Run:
    """One process's work at a backfill."""

    settings: Settings
    pipeline: Pipeline
    options: Options
    claim: Claim
    parallel: int
    tell: Tell

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        #: chunk position -> hours done in it, of chunks at work; and of these, what the pace has counted.
        self._hours: dict[int, int] = {}
        self._counted: dict[int, int] = {}
        self._failed: list[Chunk] = []

    def run(self, states: Sequence[ChunkState]) -> bool:
        """Runs what is not done; True when every chunk is done in the end.

        Raises:
            HeadgateError: a build failed, a gate in it above all; what is not done yet stays so.
        """
        todo = [state.chunk for state in states if state.status != "done"]
        self._pace = Pace(todo, [state.chunk for state in states if state.status == "done"])
        try:
            for _, batch in groupby(todo, key=lambda chunk: chunk.batch):
                if not self._run_batch(list(batch)):
                    break
        except HeadgateError:
            self.claim.close("failed")
            raise
        self.claim.close("failed" if self._failed else "done")
        return not self._failed

    def _run_batch(self, chunks: list[Chunk]) -> bool:
        """Runs a batch; False when nothing of it succeeded, so that the next one would not either."""
        parallel = [chunk for chunk in chunks if chunk.step != BUILD]
        failed_before = len(self._failed)
        self._run_at_once(parallel)
        if parallel and len(self._failed) - failed_before == len(parallel):
            return False
        for chunk in chunks:
            if chunk.step == BUILD:
                self._run_here(chunk)
        return True

    def _run_here(self, chunk: Chunk) -> None:
        """Runs a chunk in this thread, where Ctrl-C reaches it."""
        self._pace.begin(chunk.step, time.monotonic())
        self._start(chunk)
        try:
            outcome = self._work(chunk)
        except HeadgateError as error:
            self._finish(chunk, {}, str(error))
            if not isinstance(error, GateFailed):
                error.next_step += "; then run the same `headgate backfill` again: it goes on from here"
            raise
        self._finish(chunk, outcome, None)

    def _run_at_once(self, chunks: Sequence[Chunk]) -> None:
        waiting, running = deque(chunks), dict[Future[Outcome], Chunk]()
        self._pace.begin(LAND, time.monotonic())
        with ThreadPoolExecutor(self.parallel) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < self.parallel:
                        chunk = waiting.popleft()
                        self._start(chunk)
                        running[pool.submit(self._work, chunk)] = chunk
                    ended, _ = wait(running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
                    for future in ended:
                        self._take(running.pop(future), future)
                    self._move()
            except BaseException:
                self._stop.set()
                raise

    def _take(self, chunk: Chunk, future: Future[Outcome]) -> None:
        """What became of a chunk that ran in a thread: a failed one does not keep others from landing."""
        try:
            outcome = future.result()
        except HeadgateError as error:
            self._finish(chunk, {}, str(error))
            return
        failed = outcome.get("failed")
        said = f"{failed} of {len(chunk.range.hours)} hours; {outcome.get('error')}" if failed else None
        self._finish(chunk, outcome, said)

    def _work(self, chunk: Chunk) -> Outcome:
        def on_hours(done: int) -> None:
            if self._stop.is_set():
                raise _StoppedError
            with self._lock:
                self._hours[chunk.position] = done

        return self.pipeline.run(self.settings, chunk, self.options, on_hours)

    def _start(self, chunk: Chunk) -> None:
        self.claim.start(chunk)
        self._tell("started", chunk)

    def _finish(self, chunk: Chunk, outcome: Outcome, error: str | None) -> None:
        self.claim.finish(chunk, outcome, error)
        with self._lock:
            self._hours.pop(chunk.position, None)
        counted = self._counted.pop(chunk.position, 0)
        if error:
            self._failed.append(chunk)
            self._pace.withdraw(chunk.step, counted)
        else:
            self._pace.advance(chunk.step, len(chunk.range.hours) - counted, time.monotonic())
        self._tell("failed" if error else "done", chunk, outcome, error)

    def _move(self) -> None:
        """Counts the hours that are done in chunks at work."""
        with self._lock:
            hours = dict(self._hours)
        for position, done in hours.items():
            # Only chunks that run at once move: the build of a batch is one piece.
            self._pace.advance(LAND, done - self._counted.get(position, 0), time.monotonic())
            self._counted[position] = done
        if hours:
            self._tell("moved", None)

    def _tell(
        self,
        kind: Literal["started", "moved", "done", "failed"],
        chunk: Chunk | None,
        outcome: Outcome | None = None,
        error: str | None = None,
    ) -> None:
        left = self._pace.seconds_left(time.monotonic())
        self.tell(
            Event(
                kind=kind,
                pace=self._pace,
                seconds_left=left,
                chunk=chunk,
                outcome=outcome or {},
                error=error,
            )
        )
