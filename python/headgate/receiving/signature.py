"""The signature of a delivery: HMAC-SHA256 of the body with the secret of the webhook."""

from __future__ import annotations

import hmac


def sign(secret: str, body: bytes) -> str:
    """X-Hub-Signature-256 of a body."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def is_signed(secret: str, body: bytes, signature: str | None) -> bool:
    """Whether a signature is this body's; takes as long whether nearly right or wrong."""
    expected = sign(secret, body).encode()
    return signature is not None and hmac.compare_digest(expected, signature.encode())
