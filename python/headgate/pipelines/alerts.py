"""Alerts: a log line as JSON, and the same to the webhook where one is set."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from headgate.errors import HeadgateError
from headgate.settings import load_settings

WEBHOOK_TIMEOUT_SECONDS = 10
#: Longest error text that an alert carries.
ERROR_LENGTH = 4000


def alert(*, pipeline: str, block: str, error: object) -> None:
    """Says which block failed and why; never raises, so that it cannot hide the failure."""
    event: dict[str, Any] = {
        "pipeline": pipeline,
        "block": block,
        "error": type(error).__name__,
        "message": str(error).strip()[:ERROR_LENGTH],
        "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if isinstance(error, HeadgateError):
        event |= error.as_dict()
    tell("block_failed", **event)


def tell(name: str, *, is_problem: bool = True, **parts: Any) -> None:
    """Writes an event as a line of JSON, and posts it to the webhook where one is set; never raises."""
    # Both take longer to import than most commands take, which may have nothing to tell.
    import structlog

    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stdout),
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
    )
    (log.error if is_problem else log.info)(name, **parts)
    url = load_settings().alert_webhook_url
    if url is None:
        return
    import httpx

    try:
        httpx.post(url, json={"event": name, **parts}, timeout=WEBHOOK_TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPError as problem:
        # The URL often holds a secret: name the problem only.
        log.error("alert_not_sent", problem=type(problem).__name__)
