"""Which keys a canary answers: the same ones for as long as its share stands, more when it grows."""

from __future__ import annotations

import hashlib

_WHOLE = 1 << 64


def in_canary(model: str, challenger_version: int, key: str, share: float) -> bool:
    """Whether the challenger answers a key.

    Args:
        model: the model's name.
        challenger_version: another version draws other keys.
        key: what the prediction is about, as text.
        share: of all keys, 0 to 1.
    """
    if not share:
        return False
    text = f"{model}\0{challenger_version}\0{key}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
    return drawn < share * _WHOLE
