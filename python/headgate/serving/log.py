"""The prediction log on local disk: what is answered stands there before the answer leaves.

A worker appends to a file of its own (`.open`, locked while it lives) and renames it to `.jsonl` when full or
old; `shipping` lands those and removes them. What a killed worker left is an unlocked `.open`. Answers whose
shadow is still being scored stand in a `.waiting` file beside it until their whole record is in the first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from headgate.serving.refusals import Refusal
from headgate.settings import Settings

MOST_SEGMENT_BYTES = 4 << 20
#: Of all files that wait to be landed; beyond it nothing is answered.
MOST_PENDING_BYTES = 2 << 30
OPEN, CLOSED, WAITING = ".open", ".jsonl", ".waiting"


def folder(settings: Settings) -> Path:
    """Where answers wait to be landed."""
    return settings.home / "predictions"


class Segment:
    """A file that this worker appends whole lines to; locked until it is given up."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.path = folder / f"{time.time_ns()}-{os.getpid()}{suffix}"
        self.size = 0
        # Under its name only once it is locked: a shipper takes an unlocked one for a dead worker's.
        draft = self.path.with_suffix(".new")
        self._file = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            draft.rename(self.path)
        except OSError:
            draft.unlink(missing_ok=True)
            os.close(self._file)
            raise

    def write(self, lines: bytes) -> None:
        """Appends lines, all or nothing; they survive whatever happens to this process, not a loss of power.

        Raises:
            OSError: there is no space.
        """
        try:
            if os.write(self._file, lines) != len(lines):
                raise OSError("no space left")
        except OSError:
            # Half a line would spoil the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += len(lines)

    def close(self) -> None:
        """Ends it, so that it can be landed.

        Raises:
            OSError: it could not be renamed, and goes on.
        """
        self.path.rename(self.path.with_suffix(CLOSED))
        os.close(self._file)

    def remove(self) -> None:
        """Removes it: nothing in it is needed."""
        self.path.unlink(missing_ok=True)
        os.close(self._file)

    def give_up(self) -> None:
        """Leaves it to a shipper, as a worker that dies does."""
        os.close(self._file)


class PredictionLog:
    """One worker's end of the log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._segment: Segment | None = None
        self._waiting: Waiting | None = None
        self.pending = pending_bytes(folder)

    def append(self, lines: bytes) -> None:
        """Writes whole lines.

        Raises:
            Refusal: 503, the disk is full or the log is; nothing was kept then.
        """
        self._require_room()
        try:
            segment = self._segment = self._segment or Segment(self.folder, OPEN)
            segment.write(lines)
        except OSError as error:
            raise _full(error.strerror or str(error)) from None
        self.pending += len(lines)
        if segment.size > MOST_SEGMENT_BYTES:
            self.rotate()

    def append_waiting(self, lines: bytes, count: int) -> Waiting:
        """Writes lines whose whole records follow; tell what is returned when they have.

        Raises:
            Refusal: as `append`.
        """
        self._require_room()
        waiting = self._waiting
        try:
            if waiting is None or waiting.is_over:
                waiting = self._waiting = Waiting(Segment(self.folder, WAITING))
            waiting.add(lines, count)
        except OSError as error:
            raise _full(error.strerror or str(error)) from None
        return waiting

    def rotate(self) -> None:
        """Ends the segment, so that it can be landed; where the disk does not let it, a later call does."""
        segment = self._segment
        if segment is not None and segment.size:
            with contextlib.suppress(OSError):
                segment.close()
                self._segment = None

    def close(self) -> None:
        """Ends the last segment; what still waits for its shadow is left to the shipper."""
        self.rotate()
        if self._segment is not None:
            self._segment.remove() if not self._segment.size else self._segment.give_up()
            self._segment = None
        if self._waiting is not None:
            self._waiting.give_up()

    def _require_room(self) -> None:
        if self.pending > MOST_PENDING_BYTES:
            raise _full(f"{self.pending >> 20} MB that could not be landed yet")


class Waiting:
    """Answers that have left while their shadow is scored; removed when all of them are whole elsewhere."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._count = 0
        self.is_over = False

    def add(self, lines: bytes, count: int) -> None:
        """Writes lines.

        Raises:
            OSError: there is no space.
        """
        self._segment.write(lines)
        self._count += count

    def done(self, count: int) -> None:
        """So many of the answers have their whole record in the log."""
        self._count -= count
        self.is_over = self.is_over or self._segment.size > MOST_SEGMENT_BYTES
        if not self._count:
            self.is_over = True
            self._segment.remove()

    def give_up(self) -> None:
        """Leaves what is not whole to the shipper."""
        if self._count:
            self._segment.give_up()
            self._count, self.is_over = 0, True


def pending_bytes(folder: Path) -> int:
    """Bytes of all segments that wait to be landed."""
    size = 0
    for path in folder.glob("*-*"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def _full(found: str) -> Refusal:
    return Refusal(
        503,
        "prediction log",
        expected="room to log the answer before it is given",
        found=found,
        next_step="free disk space in HEADGATE_HOME, or start PostgreSQL, which lands the log",
    )
