"""What the blocks of `build_features` call."""

from __future__ import annotations

import asyncio
import time

from headgate import postgres
from headgate.settings import load_settings

SECONDS_BETWEEN_LOOKS = 15


def wait_for_new_loads(*, minutes: float) -> bool:
    """Returns True when a load is newer than the last build, or when `minutes` are over.

    It never fails: an hour that does not come is the alert of `ingest_gharchive`, and a build without new
    loads costs seconds.
    """
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline and not asyncio.run(has_new_loads()):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True


async def has_new_loads() -> bool:
    """Whether a load landed after the gates last ran."""
    connection = await postgres.connect(load_settings())
    try:
        found: bool = await connection.fetchval("""
            select exists (
                select from ops.loads
                where status = 'landed'
                and finished_at > coalesce((select max(ran_at) from ops.gate_results), '-infinity')
            )
        """)
        return found
    finally:
        await connection.close()
