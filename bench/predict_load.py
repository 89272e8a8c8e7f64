"""A client that asks for predictions as fast as it is answered, or at a rate.

`python -m bench.predict_load --port PORT --bodies FILE ...` prints what it saw as JSON. It keeps its
connections, on uvloop and with HTTP by hand: it shares the machine's cores with what it measures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import uvloop

from bench.webhook_load import Connection

_VERSION = re.compile(rb'"version":(\d+)')


@dataclass
class Load:
    """What is asked, and what came back."""

    port: int
    requests: list[bytes]
    ends: float
    #: Seconds between requests of one connection; 0: at once.
    interval: float
    answers: Counter[int] = field(default_factory=Counter)
    #: Connections that ended without an answer.
    lost: int = 0
    seconds: list[float] = field(default_factory=list)
    #: When each version answered last, by the clock.
    last: dict[bytes, float] = field(default_factory=dict)

    async def ask(self, number: int, connections: int) -> None:
        """Asks on one connection until the time is over."""
        loop = asyncio.get_running_loop()
        connection = (await loop.create_connection(Connection, "127.0.0.1", self.port))[1]
        due = time.monotonic() + self.interval * number / connections
        count = number
        while (now := time.monotonic()) < self.ends:
            if self.interval and now < due:
                await asyncio.sleep(due - now)
            # From when it was due: a request that has to wait for the one before it is late.
            began = due if self.interval else time.monotonic()
            try:
                status = await connection.ask(self.requests[count % len(self.requests)])
            except OSError:
                self.lost += 1
                return
            self.seconds.append(time.monotonic() - began)
            self.answers[status] += 1
            if found := _VERSION.search(connection.body):
                self.last[found[1]] = time.time()
            count += connections
            due += self.interval
        connection.close()

    def end(self) -> None:
        """Asks no more."""
        self.ends = 0.0

    async def run(self, connections: int) -> None:
        """Asks on so many connections until the time is over, or SIGTERM comes."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.end)
        await asyncio.gather(*(self.ask(number, connections) for number in range(connections)))


def request(path: str, body: bytes) -> bytes:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--path", default="/predict")
@click.option("--bodies", type=click.Path(path_type=Path), required=True, help="A body a line.")
@click.option("--connections", default=16)
@click.option("--seconds", default=3.0)
@click.option("--rate", default=0.0, help="Requests a second; 0: as fast as they are answered.")
def main(port: int, path: str, bodies: Path, connections: int, seconds: float, rate: float) -> None:
    """Ask, and print what came back."""
    requests = [request(path, body) for body in bodies.read_bytes().splitlines()]
    # A client that collects garbage lets an answer wait, which is then no fault of the server.
    gc.disable()
    uvloop.install()
    began, used = time.monotonic(), time.process_time()
    load = Load(port, requests, began + seconds, connections / rate if rate else 0.0)
    asyncio.run(load.run(connections))
    json.dump(_told(load, time.monotonic() - began, time.process_time() - used), sys.stdout)


def _told(load: Load, taken: float, cpu: float) -> dict[str, Any]:
    cuts = statistics.quantiles(load.seconds, n=100) if len(load.seconds) > 1 else [0.0] * 99
    return {
        "per_second": load.answers[200] / taken,
        "answers": {str(status): count for status, count in load.answers.items()},
        "lost": load.lost,
        "p50": cuts[49],
        "p99": cuts[98],
        "last": {version.decode(): instant for version, instant in load.last.items()},
        # Of one core; near 1 the client is what is measured.
        "busy": cpu / taken,
    }


if __name__ == "__main__":
    main()
