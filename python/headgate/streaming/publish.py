"""Publishes events to the stream, for demos and tests: each line of a file is a message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import orjson
from nats.js import JetStreamContext

from headgate.logs import service_log
from headgate.streaming.config import StreamConfig
from headgate.streaming.jetstream import AWAY, connect, ensure_stream

#: Messages that wait for the server's word at once.
AT_ONCE = 500


async def publish_lines(url: str, config: StreamConfig, lines: Iterable[bytes]) -> int:
    """Publishes every line, again until the server has it on disk; how many it were."""
    connection = await connect(url, service_log("publisher"))
    count = 0
    try:
        context = connection.jetstream(timeout=5)
        await _persist_stream(context, config)
        batch: list[bytes] = []
        for line in lines:
            batch.append(line)
            if len(batch) >= AT_ONCE:
                count += await _publish(context, config.subject, batch)
                batch = []
        return count + await _publish(context, config.subject, batch)
    finally:
        await connection.close()


async def _persist_stream(context: JetStreamContext, config: StreamConfig) -> None:
    while True:
        try:
            await ensure_stream(context, config)
            return
        except AWAY:
            await asyncio.sleep(0.5)


async def _publish(context: JetStreamContext, subject: str, batch: list[bytes]) -> int:
    """Publishes a batch; the messages that the server did not confirm are sent again."""
    waiting = batch
    while waiting:
        answers = await asyncio.gather(
            *(context.publish(subject, line, headers=_headers(line)) for line in waiting),
            return_exceptions=True,
        )
        failed = [
            line for line, answer in zip(waiting, answers, strict=True) if isinstance(answer, BaseException)
        ]
        if failed:
            await asyncio.sleep(0.5)
        waiting = failed
    return len(batch)


def _headers(line: bytes) -> dict[str, str] | None:
    """The event's id as the message's, so that the stream itself drops what is sent twice within minutes."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return {"Nats-Msg-Id": str(record["id"])} if type(record) is dict and record.get("id") else None
