"""Publishes events to the stream, for demos and tests: each line of a file is a message."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
import uuid
from collections.abc import Iterable

from nats.js import JetStreamContext

from headgate.errors import HeadgateError
from headgate.logs import service_log
from headgate.streaming.config import StreamConfig
from headgate.streaming.jetstream import AWAY, MESSAGE_ID, connect, ensure_stream
from headgate.streaming.messages import event_id

#: Messages that wait for the server's word at once.
AT_ONCE = 500


async def publish_lines(
    url: str, config: StreamConfig, lines: Iterable[bytes], *, rate: float = math.inf
) -> int:
    """Publishes every line, again until the server has it on disk; how many it were.

    The id of a message is the event's, so that the stream itself drops what is sent twice within minutes.

    Args:
        url: of the server.
        config: names stream and subject.
        lines: a message each.
        rate: messages a second, at most.

    Raises:
        HeadgateError: the server takes no messages as large as some of these are; it has all others.
    """
    run = uuid.uuid4()
    connection = await connect(url, service_log("publisher"))
    count = too_large = 0
    try:
        context = connection.jetstream(timeout=5)
        await _persist_stream(context, config)
        numbered = ((event_id(line) or f"{run}-{number}", line) for number, line in enumerate(lines))
        began = time.monotonic()
        while batch := list(itertools.islice(numbered, max(1, int(min(AT_ONCE, rate / 10))))):
            sent = [message for message in batch if _size(*message) <= connection.max_payload]
            too_large += len(batch) - len(sent)
            await _publish(context, config.subject, sent)
            count += len(batch)
            await asyncio.sleep(began + count / rate - time.monotonic())
        if too_large:
            raise HeadgateError(
                f"messages to {config.subject}",
                expected=f"up to {connection.max_payload:,} bytes each, the server's max_payload",
                found=f"{too_large:,} of {count:,} that are larger; all others are published",
                next_step="raise max_payload of the server and publish again; nothing lands twice",
            )
    finally:
        await connection.close()
    return count


def _size(name: str, line: bytes) -> int:
    """Bytes of a message as the server counts them, with its header."""
    return len(f"NATS/1.0\r\n{MESSAGE_ID}: {name}\r\n\r\n".encode()) + len(line)


async def _persist_stream(context: JetStreamContext, config: StreamConfig) -> None:
    while True:
        try:
            await ensure_stream(context, config)
            return
        except AWAY:
            await asyncio.sleep(0.5)


async def _publish(context: JetStreamContext, subject: str, batch: list[tuple[str, bytes]]) -> None:
    """Publishes messages by their ids; those that the server did not confirm are sent again."""
    while batch:
        answers = await asyncio.gather(
            *(context.publish(subject, line, headers={MESSAGE_ID: name}) for name, line in batch),
            return_exceptions=True,
        )
        batch = [sent for sent, said in zip(batch, answers, strict=True) if isinstance(said, BaseException)]
        if batch:
            await asyncio.sleep(0.5)
