"""The receiver's signature and its back-pressure, without a server."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from headgate.landing.messages import Message
from headgate.landing.reconnecting import ReconnectingAppender
from headgate.receiving.intake import (
    KEPT_FOR_SMALL,
    MOST_BYTES_HELD,
    MOST_WAITING,
    SMALL,
    FullError,
    Intake,
)
from headgate.receiving.signature import is_signed, sign
from headgate.settings import load_settings


def intake() -> Intake:
    """An intake that nobody empties."""
    return Intake(ReconnectingAppender(load_settings({}), "github_webhooks", "test"))


def test_signature_is_githubs() -> None:
    """The example of GitHub's documentation."""
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign("It's a Secret to Everybody", b"Hello, World!") == expected
    assert is_signed("It's a Secret to Everybody", b"Hello, World!", expected)


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha256=ü", "sha256=757107EA"])
def test_anything_else_is_not_signed(signature: str | None) -> None:
    """Missing, short, not ASCII: refused, not an error."""
    assert not is_signed("secret", b"", signature)


def test_bodies_hold_no_more_than_there_is_room_for() -> None:
    """What one request holds is counted for all, until it is answered."""
    waiting = intake()
    with waiting.hold() as first, waiting.hold() as second:
        first.add(MOST_BYTES_HELD - KEPT_FOR_SMALL)
        with pytest.raises(FullError):
            second.add(SMALL + 1)
    assert waiting.bytes_held == 0
    with waiting.hold() as third:
        third.add(MOST_BYTES_HELD - KEPT_FOR_SMALL)


def test_large_bodies_leave_room_for_small_ones() -> None:
    """A stranger who fills all that there is with large ones, and waits, stops no delivery of usual size."""
    waiting = intake()
    with waiting.hold() as strangers, contextlib.ExitStack() as usual:
        with contextlib.suppress(FullError):
            for _ in range(MOST_BYTES_HELD >> 20):
                strangers.add(1 << 20)
        for _ in range(KEPT_FOR_SMALL // SMALL // 2):
            usual.enter_context(waiting.hold()).add(SMALL)
    assert waiting.bytes_held == 0


async def test_more_deliveries_than_may_wait_are_refused() -> None:
    """The queue is bounded; what was refused or given up takes no place in it."""
    waiting = intake()
    landing = [asyncio.create_task(waiting.land(Message(str(n), b"{}"))) for n in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(FullError):
        waiting.hold()
    for task in landing:
        task.cancel()
    await asyncio.gather(*landing, return_exceptions=True)
