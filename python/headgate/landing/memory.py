"""Allocations that fail: the machine's fault, never a record's, so that nothing is rejected for them."""

from __future__ import annotations

import mmap
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.errors import HeadgateError

#: What a failing allocation raises: orjson's allocations of values show as the second.
OUT_OF_MEMORY = (MemoryError, SystemError)


#: Bytes of a text from which on `require_room` is asked before orjson parses it.
LARGE = 1 << 20
#: Bytes that a parsed text takes at most: for each of its own, in ASCII or not, and for each of these in it.
_FOR_A_BYTE, _FOR_A_WIDE_BYTE = 13, 16
_FOR_A_MARK = {b"{": 64, b":": 120, b"[": 72, b",": 64, b'"': 32}


def room_needed(text: bytes) -> int:
    """Bytes that a JSON text may take while orjson parses it: 13 to 60 times its size."""
    of_bytes = (_FOR_A_BYTE if text.isascii() else _FOR_A_WIDE_BYTE) * len(text)
    return of_bytes + sum(text.count(mark) * size for mark, size in _FOR_A_MARK.items())


def require_room(text: bytes) -> None:
    """Checks that a text can be parsed: orjson ends the process where it cannot allocate an object.

    Raises:
        MemoryError: there is not.
    """
    try:
        mmap.mmap(-1, room_needed(text), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error


@contextmanager
def at_most(more: int) -> Iterator[bool]:
    """Lets this process take so many bytes more than it has, and no others; allocations fail beyond.

    Gives False where another limit comes first, or the system has none.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    own = before[0] == resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    try:
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except OSError:
        own = False
    if not own:
        yield False
        return
    resource.setrlimit(resource.RLIMIT_DATA, (held + more, before[1]))
    try:
        yield True
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def heed_memory(error: ValueError) -> None:
    """Passes on what orjson calls a mistake in the text although it had no memory to read it.

    Raises:
        MemoryError: it was that.
    """
    if "memory" in str(error):
        raise MemoryError from error


def out_of_memory(subject: str) -> HeadgateError:
    """The failure in words."""
    return HeadgateError(
        subject,
        expected="memory for the largest record or answer, up to 60 times its size",
        found="an allocation that failed",
        next_step="give the process more memory (see ulimit -v), then rerun: what has landed stays",
    )
