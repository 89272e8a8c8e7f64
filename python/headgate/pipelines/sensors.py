"""What sensors wait for, beside the hour of an archive (`ingest`) and new loads (`build`).

A sensor block calls one of these. Each returns True when what it waits for is there, and raises when the wait
is over, which fails the block and its run, and sends the alert.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError
from headgate.pipelines.mage_runs import status_of_run
from headgate.settings import load_settings

SECONDS_BETWEEN_LOOKS = 15


def wait_for_pipeline(
    pipeline: str, variables: Mapping[str, Any], *, minutes: float, within_hours: float = 1
) -> bool:
    """Waits until the last run of another pipeline for this interval is complete.

    Args:
        pipeline: the pipeline to wait for.
        variables: the block's `kwargs`: `execution_date` says when this run was due; now, where it does not.
        minutes: how long to wait.
        within_hours: the interval: runs count that were due so many hours before this run, or since.

    Raises:
        HeadgateError: the run failed, or was not complete in time.
    """
    settings, due = load_settings(), _due(variables)
    earliest = due - timedelta(hours=within_hours)

    def look() -> str:
        status = status_of_run(settings, pipeline, earliest, due)
        if status == "failed":
            raise _not_there(
                f"pipeline {pipeline}",
                f"a complete run that was due from {earliest:%Y-%m-%dT%H:%M} to {due:%Y-%m-%dT%H:%M} UTC",
                "a failed one",
                "see its log in Mage, put the cause right, and retry both runs there",
            )
        return "" if status == "completed" else f"{status or 'no'} run"

    return _wait(
        look,
        minutes,
        f"pipeline {pipeline}",
        f"a complete run that was due from {earliest:%Y-%m-%dT%H:%M} to {due:%Y-%m-%dT%H:%M} UTC",
        "see in Mage why it takes so long, then retry this run there",
    )


def wait_for_file(pattern: str, *, minutes: float, stable_seconds: float = 10) -> bool:
    """Waits until a file appears and nobody writes to it any more.

    Args:
        pattern: a path, or a pattern with `*`, `?` and `**`; relative ones start in the working directory.
        minutes: how long to wait; at least as long as it takes to see that a file is stable.
        stable_seconds: for how long size and time of change have to stay the same.

    Raises:
        HeadgateError: no file was there, or it still grew, when the wait was over.
    """
    #: (path, size, time of change) -> when it was first seen so. A clock of another machine may have set the
    #: time of change, so it only serves to notice one.
    since: dict[tuple[str, int, int], float] = {}

    def look() -> str:
        now = time.monotonic()
        seen = _files(pattern)
        for gone in since.keys() - seen:
            del since[gone]
        ages = [now - since.setdefault(file, now) for file in seen if file[1]]
        if any(age >= stable_seconds for age in ages):
            return ""
        return "a file that is empty or was written to" if seen else "no file"

    return _wait(
        look,
        max(minutes, (stable_seconds + 1) / 60),
        f"file {pattern}",
        f"a file that has not changed for {stable_seconds:g} s",
        "see why it does not come, then retry this run in Mage",
        pause=min(SECONDS_BETWEEN_LOOKS, max(stable_seconds, 0.1)),
    )


def _files(pattern: str) -> set[tuple[str, int, int]]:
    """Path, size, and time of change in nanoseconds, of every file that fits."""
    found = set()
    root = Path(Path(pattern).anchor)
    for path in root.glob(str(Path(pattern).relative_to(root))):
        try:
            if path.is_file():
                status = path.stat()
                found.add((str(path), status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            # Renamed meanwhile, as writers do when they are done: seen at the next look.
            continue
    return found


def _wait(
    look: Callable[[], str],
    minutes: float,
    subject: str,
    expected: str,
    next_step: str,
    pause: float = SECONDS_BETWEEN_LOOKS,
) -> bool:
    """Looks until `look` finds nothing amiss; what it returns says what is."""
    deadline = time.monotonic() + minutes * 60
    while amiss := look():
        if time.monotonic() >= deadline:
            raise _not_there(subject, expected, f"{amiss} after {minutes:g} minutes", next_step)
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.05)))
    return True


def _due(variables: Mapping[str, Any]) -> datetime:
    due = variables.get("execution_date") or datetime.now(UTC)
    return due if due.tzinfo else due.replace(tzinfo=UTC)


def _not_there(subject: str, expected: str, found: str, next_step: str) -> HeadgateError:
    return HeadgateError(subject, expected=expected, found=found, next_step=next_step)
