"""JetStream: the stream and its consumer, batches from it, acknowledgements to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType
from nats.js.api import StreamConfig as Stream
from nats.js.errors import BadRequestError, NotFoundError

from headgate.streaming.config import StreamConfig

#: The header that holds the publisher's id of a message.
MESSAGE_ID = "Nats-Msg-Id"
#: What a server that is away, or not ready yet, makes calls raise.
AWAY = (NatsError, OSError)
SECONDS_BETWEEN_ATTEMPTS = 1.0


async def connect(url: str, log: structlog.typing.FilteringBoundLogger) -> Client:
    """A connection that comes back by itself, however long the server is away."""
    waits = False

    async def on_disconnect() -> None:
        if connection is not None and not connection.is_closed:
            log.warning("no connection to NATS")

    async def on_reconnect() -> None:
        log.info("connected to NATS")

    async def on_error(error: Exception) -> None:
        nonlocal waits
        if connection is None and not waits:
            waits = True
            log.warning("NATS does not answer yet", reason=type(error).__name__)
        log.debug("NATS", reason=type(error).__name__)

    connection: Client | None = None
    connection = await nats.connect(
        url,
        name="headgate",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
        error_cb=on_error,
    )
    return connection


async def ensure_stream(context: JetStreamContext, config: StreamConfig) -> None:
    """Makes the stream where there is none; on disk."""
    try:
        await context.stream_info(config.stream)
    except NotFoundError:
        wanted = Stream(name=config.stream, subjects=[config.subject], storage=StorageType.FILE)
        # Somebody else may make it at the same time.
        with contextlib.suppress(BadRequestError):
            await context.add_stream(wanted)


class Batches:
    """Batches of messages of one durable consumer, and their acknowledgements."""

    def __init__(self, url: str, config: StreamConfig, log: structlog.typing.FilteringBoundLogger) -> None:
        self._url = url
        self._config = config
        self._log = log
        self._connection: Client | None = None
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def next(self) -> list[Msg]:
        """The next messages, as many as there are within the linger time; none when there are none.

        Waits while the server is away.
        """
        try:
            subscription = self._subscription or await self._subscribe()
            return await subscription.fetch(self._config.batch_size, timeout=self._config.linger_seconds)
        except TimeoutError:
            return []
        except AWAY as error:
            self._log.warning("cannot read the stream", reason=type(error).__name__)
            await self._forget()
            await asyncio.sleep(SECONDS_BETWEEN_ATTEMPTS)
            return []

    async def acknowledge(self, messages: Sequence[Msg]) -> None:
        """Tells the server that messages are done; if it does not hear of it, they come again."""
        with contextlib.suppress(*AWAY):
            for message in messages:
                await message.ack()

    async def close(self) -> None:
        """Sends what is not sent yet and ends the connection."""
        if self._connection is not None:
            with contextlib.suppress(*AWAY):
                await self._connection.flush(2)
        await self._forget()

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        config = self._config
        self._connection = await connect(self._url, self._log)
        context = self._connection.jetstream()
        await ensure_stream(context, config)
        wanted = ConsumerConfig(
            durable_name=config.durable,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=config.ack_wait_seconds,
            max_ack_pending=config.max_in_flight,
            filter_subject=config.subject,
        )
        # Also changes a consumer that stands, when the settings are others now.
        await context.add_consumer(config.stream, wanted)
        self._subscription = await context.pull_subscribe_bind(config.durable, config.stream)
        self._log.info("connected to NATS", stream=config.stream, consumer=config.durable)
        return self._subscription

    async def _forget(self) -> None:
        connection, self._connection, self._subscription = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*AWAY, asyncio.CancelledError):
                await connection.close()
