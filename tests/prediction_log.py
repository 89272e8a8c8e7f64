"""Answers of served models, as `headgate serve` logs them, landed as it lands them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headgate.landing import Appended, Message, open_appender
from tests.support import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(prediction_id: str, **changed: Any) -> dict[str, Any]:
    """An answer of the champion; `changed` holds what differs."""
    return {
        "prediction_id": prediction_id,
        "at": NOON.isoformat(),
        "model": "will_ship",
        "champion_version": 1,
        "challenger_version": None,
        "canary_share": 0.0,
        "release_id": 1,
        "staleness_seconds": 60.0,
        "seconds": 0.002,
        "version": 1,
        "role": "champion",
        "shadow": None,
        "key": prediction_id,
        "as_of": {},
        "score": 0.5,
        "status": "answered",
        "error": None,
        "features": {},
        "explained": False,
        **changed,
    }


def land(database: Database, answers: Iterable[dict[str, Any]]) -> Appended:
    """Lands answers as one load."""
    messages = [Message(one["prediction_id"], json.dumps(one).encode()) for one in answers]

    async def work() -> Appended:
        async with open_appender(database.settings, "predictions", uri="test") as appender:
            return await appender.append(messages)

    return asyncio.run(work())
