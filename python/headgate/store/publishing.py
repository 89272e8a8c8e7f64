"""Publishing as every caller does it: on its own connection, breaking changes only with an approved plan."""

from __future__ import annotations

from headgate import postgres
from headgate.settings import Settings
from headgate.store.publish import Published, publish


async def publish_project(settings: Settings, *, compare_all: bool = False) -> Published | None:
    """Publishes what dbt built; see `headgate.store.publish.publish`."""
    connection = await postgres.connect(settings)
    try:
        return await publish(connection, settings, compare_all=compare_all)
    finally:
        await connection.close()
