"""A connection for one piece of work, where nothing else is asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from headgate import postgres
from headgate.postgres.connection import Connection
from headgate.settings import Settings

T = TypeVar("T")


def with_connection(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Runs `work` on a connection of its own."""

    async def run() -> T:
        connection = await postgres.connect(settings)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())
