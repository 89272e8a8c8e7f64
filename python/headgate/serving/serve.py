"""Runs the server: uvicorn with worker processes, behind one port."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from typing import Any

import click
import orjson
import uvicorn

from headgate import postgres
from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import fit
from headgate.receiving.protocol import PatientProtocol
from headgate.serving.app import OPTIONS
from headgate.serving.metrics import FOLDER
from headgate.serving.shipper import ShipperProcess
from headgate.serving.worker import Options
from headgate.settings import Settings, load_settings
from headgate.store import ledger

#: Seconds in which what was accepted is answered after SIGTERM.
SECONDS_TO_DRAIN = 15
#: Connections at once in one process; beyond them each is refused.
MOST_CONNECTIONS = 2_000


def serve(
    host: str,
    port: int,
    workers: int,
    options: Options,
    certificate: str | None = None,
    private_key: str | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT; then answers what was accepted and ends.

    Raises:
        UsageError: nothing is deployed, or it does not fit the active release.
    """
    settings = load_settings()
    asyncio.run(require_deployed(settings, options.model))
    os.environ[OPTIONS] = orjson.dumps(asdict(options)).decode()
    scheme = "https" if certificate else "http"
    click.echo(f"serving {options.model} at {scheme}://{host}:{port}; Ctrl-C stops it", err=True)
    # uvicorn raises the signal again once it has ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="headgate_metrics_") as folder, ShipperProcess():
        if workers > 1:
            os.environ[FOLDER] = folder
        uvicorn.run(
            "headgate.serving.app:create_app",
            host=host,
            port=port,
            workers=workers,
            ssl_certfile=certificate,
            ssl_keyfile=private_key,
            **_how(),
        )


def _how() -> dict[str, Any]:
    return {
        "factory": True,
        "loop": "uvloop",
        "http": PatientProtocol,
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "limit_concurrency": MOST_CONNECTIONS,
        "backlog": 2048,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": SECONDS_TO_DRAIN,
        # One that is killed while it is asked for a sign of life is missed after this time.
        "timeout_worker_healthcheck": 15,
    }


async def require_deployed(settings: Settings, model: str) -> None:
    """Refuses before a port is opened; workers look again.

    Raises:
        UsageError: nothing is deployed, or it does not fit the active release.
    """
    connection = await postgres.connect(settings)
    try:
        found = await promotions.current(connection, model)
        if found is None or found.champion is None:
            await versions.find(connection, model)
            raise UsageError(
                f"model {model}",
                expected="a deployed version",
                found="none",
                next_step=f"run `headgate model register {model}`, then `headgate model deploy {model}`",
            )
        version = await versions.find(connection, model, found.champion)
        await fit.require_fit(connection, version, await ledger.active_release(connection))
    finally:
        await connection.close()
