"""Command that receives webhooks."""

from __future__ import annotations

import os

import click

from headgate.cli.ports import port_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@port_option(8765, "Port to listen on.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    help="Worker processes. Default: one per core.",
)
def receive(host: str, port: int, processes: int) -> None:
    """Receive the webhooks of the project's source until Ctrl-C or SIGTERM.

    A delivery is answered with 200 when it is durable in PostgreSQL. HEADGATE_WEBHOOK_SECRET is the secret
    that the sender signs with.
    """
    from headgate.receiving.serve import serve

    serve(host, port, processes)
