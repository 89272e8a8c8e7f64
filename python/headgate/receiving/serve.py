"""Runs the receiver: uvicorn with worker processes, behind one port."""

from __future__ import annotations

import click
import uvicorn

from headgate.contract import load_contract
from headgate.receiving.app import required_secret
from headgate.receiving.intake import MOST_WAITING
from headgate.receiving.protocol import PatientProtocol
from headgate.receiving.source import webhook_source
from headgate.settings import load_settings

#: Seconds in which what was accepted is answered after SIGTERM; see `intake.SECONDS_TO_ANSWER`.
SECONDS_TO_DRAIN = 15
#: Connections at once in one process; beyond them each is refused. More than deliveries may wait, so that the
#: receiver refuses deliveries first.
MOST_AT_ONCE = MOST_WAITING + 1_000


def serve(host: str, port: int, processes: int) -> None:
    """Serves until SIGTERM or SIGINT; then answers what was accepted and ends.

    Raises:
        UsageError: no source that is sent by webhook, no secret, or no contract.
    """
    settings = load_settings()
    source = webhook_source(settings.project_dir)
    required_secret(settings, source)
    load_contract(settings.project_dir, *source.contract)
    click.echo(f"receiving webhooks at http://{host}:{port}{source.path}; Ctrl-C stops it", err=True)
    uvicorn.run(
        "headgate.receiving.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=processes,
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_AT_ONCE,
        backlog=2048,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SECONDS_TO_DRAIN,
        # Hours of deliveries must not end because one took long to write.
        timeout_worker_healthcheck=60,
    )
