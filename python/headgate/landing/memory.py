"""Allocations that fail: the machine's fault, never a record's, so that nothing is rejected for them."""

from __future__ import annotations

from headgate.errors import HeadgateError

#: What a failing allocation raises: orjson's allocations of values show as the second.
OUT_OF_MEMORY = (MemoryError, SystemError)


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
        expected="memory for the largest record or answer, some 30 times its size",
        found="an allocation that failed",
        next_step="give the process more memory (see ulimit -v), then rerun: what has landed stays",
    )
