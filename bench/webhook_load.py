"""A client that sends signed webhook deliveries as fast as it is answered, or at a rate.

`python -m bench.webhook_load --port PORT ...` is one process of it; prints what it saw as JSON. It writes
HTTP by hand: it shares the machine's cores with what it measures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import uvloop

from headgate.receiving.signature import sign

#: Seconds before a delivery that got no good answer is sent again.
PAUSE = 0.05


def push_body(number: int, size: int) -> bytes:
    """A push with two commits and their authors' addresses, as large as asked for."""
    commits = [
        {
            "id": f"{number:038x}{commit:02x}",
            "message": "Say why",
            "distinct": True,
            "author": {"name": f"Author {number % 97}", "email": f"author{number % 97}@example.org"},
            "committer": {"name": f"Author {number % 97}", "email": f"author{number % 97}@example.org"},
        }
        for commit in range(2)
    ]
    body = {
        "ref": "refs/heads/main",
        "before": f"{number:040x}",
        "after": f"{number + 1:040x}",
        "created": False,
        "deleted": False,
        "commits": commits,
        "pusher": {"name": "pusher", "email": "pusher@example.org"},
        "repository": {"id": 1 + number % 50, "full_name": f"owner/repository-{number % 50}"},
        "sender": {"id": 1 + number % 20, "login": f"sender-{number % 20}"},
    }
    text = json.dumps(body, separators=(",", ":"))
    padding = max(0, size - len(text) - len(',"compare":""'))
    return f'{text[:-1]},"compare":"{"x" * padding}"}}'.encode()


def request(secret: str, body: bytes) -> tuple[bytes, bytes]:
    """A POST of a body, cut where the delivery id goes."""
    head = (
        f"POST /github HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-GitHub-Event: push\r\nX-Hub-Signature-256: {sign(secret, body)}\r\n"
        f"Content-Length: {len(body)}\r\nX-GitHub-Delivery: "
    )
    return head.encode(), b"\r\n\r\n" + body


@dataclass
class Seen:
    """What one process saw."""

    answers: Counter[int] = field(default_factory=Counter)
    #: Connections that ended without an answer.
    lost: int = 0
    seconds: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One connection; asyncio's streams would take twice the time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None
        #: Of the last answer.
        self.body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Gives the status when the whole answer is there."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._received, self.body = b"", body
            self._answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits for an answer gets none."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """The status of the answer to a request."""
        if self._transport is None:
            raise ConnectionResetError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Ends it."""
        if self._transport is not None:
            self._transport.close()


@dataclass
class Load:
    """Deliveries of one client process; each is sent until it is answered with 200."""

    host: str
    port: int
    secret: str
    size: int
    name: str
    ends: float
    #: Seconds between deliveries of one connection; 0: at once.
    interval: float
    seen: Seen = field(default_factory=Seen)

    async def run(self, connections: int) -> None:
        """Sends from so many connections until the time is over, or SIGTERM comes."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.end)
        bodies = [request(self.secret, push_body(number, self.size)) for number in range(200)]
        await asyncio.gather(*(self._send(number, connections, bodies) for number in range(connections)))

    def end(self) -> None:
        """Begins no other delivery."""
        self.ends = 0.0

    async def _send(self, number: int, connections: int, bodies: list[tuple[bytes, bytes]]) -> None:
        connection = None
        due = time.monotonic() + self.interval * number / connections
        count = 0
        while (now := time.monotonic()) < self.ends:
            if self.interval and now < due:
                await asyncio.sleep(due - now)
            delivery = f"{self.name}-{number}-{count}"
            before, after = bodies[(number + count) % len(bodies)]
            # From when it was due: a delivery that has to wait for the one before it is late.
            began = due if self.interval else time.monotonic()
            try:
                connection = connection or await self._connect()
                status = await connection.ask(before + delivery.encode() + after)
            except OSError:
                self.seen.lost += 1
                connection = None
                await asyncio.sleep(PAUSE)
                continue
            self.seen.answers[status] += 1
            if status == 200:
                self.seen.seconds.append(time.monotonic() - began)
                self.seen.acknowledged.append(delivery)
                count += 1
                due += self.interval
            else:
                await asyncio.sleep(PAUSE)
        if connection is not None:
            connection.close()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, self.host, self.port))[1]


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, required=True)
@click.option("--secret", required=True)
@click.option("--connections", default=32)
@click.option("--seconds", default=5.0)
@click.option("--rate", default=0.0, help="Deliveries a second; 0: as fast as they are answered.")
@click.option("--size", default=4096)
@click.option("--name", default="delivery", help="What delivery ids begin with.")
@click.option("--acknowledged", type=click.Path(path_type=Path), help="Write the ids of durable ones there.")
def main(
    host: str,
    port: int,
    secret: str,
    connections: int,
    seconds: float,
    rate: float,
    size: int,
    name: str,
    acknowledged: Path | None,
) -> None:
    """Send deliveries and print what came back."""
    began = time.monotonic()
    load = Load(host, port, secret, size, name, began + seconds, connections / rate if rate else 0.0)
    # A client that collects garbage lets an answer wait, which is then no fault of the receiver.
    gc.disable()
    uvloop.install()
    asyncio.run(load.run(connections))
    taken = time.monotonic() - began
    seen = load.seen
    if acknowledged:
        acknowledged.write_text("".join(f"{delivery}\n" for delivery in seen.acknowledged))
    cuts = statistics.quantiles(seen.seconds, n=100) if len(seen.seconds) > 1 else [0.0] * 99
    found = {
        "durable": len(seen.acknowledged),
        "per_second": len(seen.acknowledged) / taken,
        "answers": {str(status): count for status, count in seen.answers.items()},
        "lost": seen.lost,
        "p50": cuts[49],
        "p99": cuts[98],
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
