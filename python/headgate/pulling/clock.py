"""The clock that requests are paced by; tests hand in one of their own instead of waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Time, and how to let it pass; all in seconds."""

    #: Since 1970.
    now: Callable[[], float] = time.time
    #: Since some moment; never goes back.
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


SYSTEM = Clock()
