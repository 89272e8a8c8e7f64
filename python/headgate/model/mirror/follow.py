"""Has the mirror follow a change of the registry, without whoever made the change waiting for it.

`python -m headgate.model.mirror.follow` is the process that this starts.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headgate import postgres, private
from headgate.errors import HeadgateError
from headgate.model.mirror import store
from headgate.settings import Settings, load_settings

if TYPE_CHECKING:
    from headgate.model.mirror.sync import Report

#: Changes whenever `sync` has something to write.
STATE = """
    select
        count(*) || ' ' || count(registered_at) || ' '
        || coalesce((select max(promotion_id) from ops.promotions), 0)
    from ops.model_versions
"""


def start(settings: Settings) -> bool:
    """Starts a process that syncs, where anything was ever mirrored; never fails, and waits for nothing.

    A rollback is not slower for it, and goes through whatever becomes of the mirror.

    Returns:
        Whether one was started.
    """
    # Not asyncpg: a training calls this from its event loop.
    import psycopg2

    with suppress(HeadgateError, OSError, psycopg2.Error):
        if store.exists(settings):
            named = {"HEADGATE_HOME": str(settings.home), "HEADGATE_DSN": settings.dsn or ""}
            with log_file(settings).open("ab") as log:
                subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    cwd=settings.project_dir,
                    env={**os.environ, **named},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            return True
    return False


def log_file(settings: Settings) -> Path:
    """Where it is told what became of the mirror."""
    return private.touch(private.folder(settings.home / "logs") / "mlflow.log")


async def once(settings: Settings, *, rebuild: bool = False) -> Report:
    """One sync, on a connection of its own."""
    # Imported where it is used: whoever starts a process that syncs does without.
    from headgate.model.mirror.sync import sync

    connection = await postgres.connect(settings)
    try:
        return await sync(connection, settings, rebuild=rebuild)
    finally:
        await connection.close()


async def state(settings: Settings) -> str:
    """What the registry is at, to be compared."""
    connection = await postgres.connect(settings)
    try:
        return str(await connection.fetchval(STATE))
    finally:
        await connection.close()


if __name__ == "__main__":
    try:
        asyncio.run(once(load_settings()))
    except Exception as error:
        from headgate.logs import service_log

        service_log("mlflow").error("not mirrored", error=str(error))
        sys.exit(1)
