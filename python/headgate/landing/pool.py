"""Lands many deliveries at once, each connection in a process of its own."""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, cast

from headgate import postgres
from headgate.contract import load_contract
from headgate.errors import HeadgateError
from headgate.landing.privacy import pii_key
from headgate.landing.results import LoadResult, Progress
from headgate.landing.worker import Assignment
from headgate.settings import Settings
from headgate.sources import Delivery, downloads, get_source

OnProgress = Callable[[Progress | LoadResult], None]
Group = list[tuple[int, Delivery]]


def land_files(
    settings: Settings,
    source: str,
    items: Iterable[Delivery | Path],
    *,
    connections: int | None = None,
    on_progress: OnProgress | None = None,
    again: bool = False,
) -> list[LoadResult]:
    """Lands deliveries, or files whose names say their partition; the results in the order of `items`.

    A delivery that fails is a result with status `failed`; the others are landed all the same. Two deliveries
    of one partition land in the order given. Bytes that are landed already land again where what decides on
    what lands of them was changed, with `again` in any case. `on_progress` is called from several threads,
    one at a time.

    Raises:
        HeadgateError: nothing can be landed: no server, no contract, a file whose name says no partition.
    """
    named = get_source(source, settings.project_dir)
    deliveries = [named.delivery(item) if isinstance(item, Path) else item for item in items]
    if not deliveries:
        return []
    assignment = Assignment(
        settings,
        postgres.dsn(settings),
        named,
        load_contract(settings.project_dir, *named.contract),
        pii_key(settings),
        again,
    )
    downloads.sweep(settings.home, deliveries)
    groups = _by_partition(deliveries)
    run = _Run(assignment, groups, on_progress or (lambda _: None))
    return run.results(min(connections or settings.connections, len(groups)))


def _by_partition(deliveries: Sequence[Delivery]) -> list[Group]:
    """Deliveries of one partition stay together and in order; others may land in any order."""
    groups: dict[Any, Group] = {}
    for number, delivery in enumerate(deliveries):
        groups.setdefault(delivery.partition or delivery.uri, []).append((number, delivery))
    return list(groups.values())


class _Run:
    """One call of `land_files`."""

    def __init__(self, assignment: Assignment, groups: list[Group], on_progress: OnProgress) -> None:
        self._assignment = assignment
        self._todo: queue.SimpleQueue[Group] = queue.SimpleQueue()
        for group in groups:
            self._todo.put(group)
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._done: dict[int, LoadResult] = {}
        self._error: BaseException | None = None

    def results(self, connections: int) -> list[LoadResult]:
        """Lands everything on so many connections."""
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as error:
            # Ctrl-C: the other threads stop at their next message, and their processes with them.
            self._error = self._error or error
            raise
        if self._error is not None:
            raise self._error
        return [self._done[number] for number in sorted(self._done)]

    def _serve(self) -> None:
        """Lands groups on one connection until none is left."""
        try:
            with contextlib.ExitStack() as stack:
                process = stack.enter_context(_Process(self._assignment))
                while self._error is None:
                    try:
                        group = self._todo.get_nowait()
                    except queue.Empty:
                        return
                    for number, delivery in group:
                        result = process.land(delivery, self._report)
                        if process.ended:
                            process = stack.enter_context(_Process(self._assignment))
                        self._done[number] = result
                        self._report(result)
        except BaseException as error:
            self._error = self._error or error

    def _report(self, message: Progress | LoadResult) -> None:
        if self._error is not None:
            raise KeyboardInterrupt
        with self._lock:
            self._on_progress(message)


class _Process:
    """One landing process."""

    def __init__(self, assignment: Assignment) -> None:
        self.ended = False
        # A session of its own: Ctrl-C reaches this process only, which then ends the others.
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from headgate.landing.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._send(assignment)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is None:
            self._send(None)
        else:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._process.wait()

    def land(self, delivery: Delivery, report: Callable[[Progress], None]) -> LoadResult:
        """Lands one delivery; a process that dies of it is a failed result."""
        self._send(delivery)
        while True:
            try:
                kind, value = pickle.load(self._output)
            except EOFError:
                self.ended = True
                return self._died(delivery)
            if kind == "progress":
                report(value)
            elif kind == "broken":
                raise _restore(value)
            else:
                return cast("LoadResult", value)

    def _died(self, delivery: Delivery) -> LoadResult:
        error = HeadgateError(
            delivery.shown_uri,
            expected="its landing process to finish",
            found=f"the process ended with code {self._process.wait()}",
            next_step="see above for what it said, and whether memory ran out; then rerun: nothing landed",
        )
        return LoadResult(delivery=delivery, status="failed", error=error.as_dict())

    def _send(self, message: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(message, self._input)
            self._input.flush()


def _restore(parts: dict[str, str]) -> HeadgateError:
    return HeadgateError(
        parts["subject"], expected=parts["expected"], found=parts["found"], next_step=parts["next_step"]
    )
