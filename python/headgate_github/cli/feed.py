"""Command that publishes events to the stream, for demos and tests."""

from __future__ import annotations

import asyncio
import gzip
import math
from collections.abc import Iterator
from pathlib import Path

import click

from headgate.settings import load_settings


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--stream", default="github_events", show_default=True, help="Stream; created if missing.")
@click.option("--subject", default="github.events", show_default=True, help="Subject to publish to.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=math.inf, help="Maximum messages per second.")
def feed(files: tuple[Path, ...], stream: str, subject: str, rate: float) -> None:
    """Publish every line of FILES, such as those of `headgate synth`, to the stream at HEADGATE_NATS_URL.

    A message that the server does not confirm is sent again, until it does.
    """
    from headgate.streaming.config import StreamConfig
    from headgate.streaming.publish import publish_lines

    config = StreamConfig(stream=stream, subject=subject)
    count = asyncio.run(publish_lines(load_settings().nats_url, config, _lines(files), rate=rate))
    click.echo(f"{count:,} messages published to {subject}")


def _lines(files: tuple[Path, ...]) -> Iterator[bytes]:
    for file in files:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            yield from (line.removesuffix(b"\n") for line in lines)
