"""The prediction log on local disk: what is answered stands there before the answer leaves.

A worker appends to a file of its own (`.open`, locked while it lives) and renames it to `.jsonl` when full or
old; `shipping` lands those and removes them. What a killed worker left is an unlocked `.open`.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from headgate.serving.refusals import Refusal

MOST_SEGMENT_BYTES = 4 << 20
#: Of all files that wait to be landed; beyond it nothing is answered.
MOST_PENDING_BYTES = 2 << 30
OPEN, CLOSED = ".open", ".jsonl"


class PredictionLog:
    """One worker's end of the log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = -1
        self._path = folder
        self._size = 0
        self.pending = pending_bytes(folder)

    def append(self, lines: bytes) -> None:
        """Writes whole lines; they survive whatever happens to this process, not a loss of power.

        Raises:
            Refusal: 503, the disk is full or the log is; nothing was kept then.
        """
        if self.pending > MOST_PENDING_BYTES:
            raise _full(f"{self.pending >> 20} MB that could not be landed yet")
        try:
            if self._file < 0:
                self._begin()
            if os.write(self._file, lines) != len(lines):
                raise OSError("no space left")
        except OSError as error:
            self._undo()
            raise _full(error.strerror or str(error)) from None
        self._size += len(lines)
        self.pending += len(lines)
        if self._size > MOST_SEGMENT_BYTES:
            self.rotate()

    def rotate(self) -> None:
        """Ends the segment, so that it can be landed."""
        if self._file >= 0 and self._size:
            self._path.rename(self._path.with_suffix(CLOSED))
            os.close(self._file)
            self._file = -1

    def close(self) -> None:
        """Ends the last segment."""
        self.rotate()
        if self._file >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    def _begin(self) -> None:
        self._path = self.folder / f"{time.time_ns()}-{os.getpid()}{OPEN}"
        # Under its name only once it is locked: a shipper takes an unlocked one for a dead worker's.
        draft = self._path.with_suffix(".new")
        self._file = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        draft.rename(self._path)
        self._size = 0

    def _undo(self) -> None:
        """Cuts off half a line, which would spoil the next one."""
        if self._file >= 0:
            os.ftruncate(self._file, self._size)


def pending_bytes(folder: Path) -> int:
    """Bytes of all segments that wait to be landed."""
    size = 0
    for path in folder.glob("*-*"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
    return size


def _full(found: str) -> Refusal:
    return Refusal(
        503,
        "prediction log",
        expected="room to log the answer before it is given",
        found=found,
        next_step="free disk space in HEADGATE_HOME, or start PostgreSQL, which lands the log",
    )
