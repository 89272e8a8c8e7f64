"""The stream: messages a second from NATS JetStream, durable in PostgreSQL and acknowledged.

Source, transformer and sink run as in Mage's pipeline, with the copies that Mage makes for each block; Mage's
start, which takes seconds, is not part of it. fsync is on.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gzip
import itertools
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import Figure
from bench.hours import measured
from bench.servers import Database
from bench.workbench import Workbench
from headgate.streaming.config import StreamConfig
from headgate.streaming.messages import Received, accept
from headgate.streaming.publish import publish_lines
from headgate.streaming.sink import Sink
from headgate.streaming.source import Source

MESSAGES = 50_000
AT_LEAST_PER_SECOND = 5_000


def run(bench: Workbench) -> Iterator[Figure]:
    """The stream is full when the measurement begins; nothing where there is no nats-server."""
    program = server_program()
    if program is None:
        bench.say("no nats-server (apt-get install nats-server): the stream is not measured")
        return
    lines = _lines(bench)
    with nats_server(program, bench.scratch) as url:
        for number, server in enumerate(bench.servers):
            rates = []
            for turn in range(bench.rounds):
                database = bench.database("streaming", server)
                config = StreamConfig(
                    stream=f"events_{number}_{turn}",
                    subject=f"events.{number}.{turn}",
                    stop_when_idle_seconds=1,
                )
                asyncio.run(publish_lines(url, config, lines))
                rates.append(len(lines) / _follow(database, url, config, len(lines)))
            name = f"stream, durable and acknowledged, {bench.label(server)}"
            target = None if number else AT_LEAST_PER_SECOND
            yield Figure.rate(name, statistics.median(rates), target, "messages/s")


def server_program() -> str | None:
    """Where nats-server is, if it is anywhere; Debian puts it where only root looks."""
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")


def _lines(bench: Workbench) -> list[bytes]:
    """Events of the measured hours, some a few hundred bytes, some tens of kilobytes."""
    files = measured(bench)
    lines = (line for file in files for line in gzip.decompress(file.read_bytes()).split(b"\n") if line)
    return list(itertools.islice(lines, MESSAGES if bench.full else 500))


@contextlib.contextmanager
def nats_server(program: str, folder: Path) -> Iterator[str]:
    """A server with JetStream on disk; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [program, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "jetstream")]
    with (folder / "nats.log").open("ab") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(30)


def _follow(database: Database, url: str, config: StreamConfig, count: int) -> float:
    """Seconds until so many messages are durable and acknowledged."""
    settings = replace(database.settings, nats_url=url)
    source, sink = Source(vars(config), settings), Sink("github_events", settings)
    done = 0
    ended = 0.0

    def handle(received: list[Received]) -> None:
        nonlocal done, ended
        sink.write([copy.deepcopy(message) for message in accept([copy.deepcopy(one) for one in received])])
        done += len(received)
        ended = time.perf_counter()

    began = time.perf_counter()
    try:
        source.read(handle)
    finally:
        source.close()
        sink.close()
    if done != count:
        raise RuntimeError(f"{done} of {count} messages came")
    return ended - began
