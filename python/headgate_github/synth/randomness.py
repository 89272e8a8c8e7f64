"""Reproducible chance: everything is drawn from a hash of what it is for, never from a shared state."""

from __future__ import annotations

import hashlib
import math
from random import Random

_MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """64 well-mixed bits of some whole numbers, the same everywhere (the finish is splitmix64's)."""
    state = 0x243F6A8885A308D3
    for number in numbers:
        state = (state ^ number) * 0x9E3779B97F4A7C15 & _MASK
        state ^= state >> 32
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
    return state ^ (state >> 31)


def unit(*numbers: int) -> float:
    """A number in [0, 1) that belongs to some whole numbers."""
    return (mix(*numbers) >> 11) / (1 << 53)


def stream(*purpose: int | str) -> Random:
    """A random number generator that belongs to a purpose, for instance (seed, "hour", 438240)."""
    digest = hashlib.blake2b(repr(purpose).encode(), digest_size=16).digest()
    return Random(int.from_bytes(digest, "big"))


def heavy_tailed(rng: Random, mean: float, limit: int) -> int:
    """A whole number with a long tail around `mean`, never above `limit`."""
    return min(int(-mean * math.log(1.0 - rng.random())), limit)


def sha(rng: Random) -> str:
    """A commit hash."""
    return f"{rng.getrandbits(160):040x}"
