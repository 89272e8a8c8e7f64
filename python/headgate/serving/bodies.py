"""Bodies of requests, and of answers."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from fastapi import Request, Response

from headgate.model.encoding import plain
from headgate.serving import metrics
from headgate.serving.refusals import RETRY_AFTER, Refusal

MOST_BODY_BYTES = 1 << 20
SECONDS_FOR_BODY = 10.0


async def read(request: Request) -> bytes:
    """The body of a request.

    Raises:
        Refusal: not JSON by its type, too large, or too slow.
    """
    kind = request.headers.get("content-type", "")
    if kind != "application/json" and kind.partition(";")[0].strip().lower() != "application/json":
        raise _unusable(415, "content type", "application/json", kind.partition(";")[0][:80] or "none")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MOST_BODY_BYTES:
        raise _too_large()
    chunks, length = [], 0
    try:
        async with asyncio.timeout(SECONDS_FOR_BODY):
            async for chunk in request.stream():
                length += len(chunk)
                if length > MOST_BODY_BYTES:
                    raise _too_large()
                chunks.append(chunk)
    except TimeoutError:
        found = f"{length} bytes in {SECONDS_FOR_BODY:g} seconds"
        raise _unusable(408, "body", "the whole of it", found) from None
    return b"".join(chunks)


def answer(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer of JSON."""
    body = orjson.dumps(content, default=plain, option=orjson.OPT_UTC_Z)
    return Response(body, status, headers, "application/json")


def refused(model: str, refusal: Refusal) -> Response:
    """The answer that refuses."""
    metrics.REFUSED.labels(model, str(refusal.status)).inc()
    headers = {"retry-after": RETRY_AFTER} if refusal.status in (429, 503) else {}
    if refusal.status in (408, 413):
        headers["connection"] = "close"
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return answer(refusal.status, refusal.body, headers)


def _too_large() -> Refusal:
    return _unusable(413, "body", f"at most {MOST_BODY_BYTES >> 20} MB", "more")


def _unusable(status: int, subject: str, expected: str, found: str) -> Refusal:
    return Refusal(
        status, subject, expected=expected, found=found, next_step="see /openapi.json; send smaller batches"
    )
