"""uvicorn's HTTP protocol with limits on the head of a request: its time, its size, how many are open.

uvicorn and its parser keep what belongs to a head until it ends, and that of a chunk's extension or a trailer
until the body ends. None of these can grow here beyond `MOST_HEAD_BYTES`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: Seconds, from the connection's start or the first byte after the last answer.
SECONDS_FOR_HEAD = 10.0
#: Bytes and headers of a head, names and values together. Webhooks have some 700 bytes in 12 headers.
MOST_HEAD_BYTES = 16 << 10
MOST_HEADERS = 100
#: Said with 503, in seconds.
RETRY_AFTER = b"10"


def _answer(status: bytes, error: str, more: bytes = b"") -> bytes:
    body = json.dumps({"error": error}).encode()
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n" % status
    return b"%s%scontent-length: %d\r\n\r\n%s" % (head, more, len(body), body)


_TOO_SLOW = _answer(b"408 Request Timeout", "the head of the request did not arrive in time")
_TOO_LARGE = _answer(
    b"431 Request Header Fields Too Large",
    f"the head of the request is larger than {MOST_HEAD_BYTES >> 10} kB or {MOST_HEADERS} headers",
)
_TOO_MANY = _answer(
    b"503 Service Unavailable",
    "too many connections are open",
    b"retry-after: %s\r\n" % RETRY_AFTER,
)


class OneWrite:
    """A transport that sends the head of an answer with its body: uvicorn writes them one after the other.

    A packet and a call of the system less for each answer. All else is the transport's.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends data; a head waits for what follows in the same turn of the loop."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Closes it when all is sent."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head:
            self.write(b"")


class PatientProtocol(HttpToolsProtocol):
    """Closes connections whose request does not begin, or whose head does not end."""

    _deadline: asyncio.TimerHandle | None = None
    #: Whether a head is being read; before the first one too.
    _in_head = True
    #: Bytes since the head began, or since a part of the body was handed on.
    _kept = 0
    #: Bytes that are being parsed.
    _part = 0
    #: Whether the bytes being parsed ended a head or held a part of a body.
    _moved_on = False
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self._wait_for_head()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._refuse(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, in parts so small that nothing much larger than a head is ever kept."""
        if self._in_head and self._deadline is None:
            # Also for empty lines between two requests, which the parser passes in silence.
            self._wait_for_head()
        for start in range(0, len(data), MOST_HEAD_BYTES):
            if self._refused or self.transport.is_closing():
                return
            self._feed(data[start : start + MOST_HEAD_BYTES] if len(data) > MOST_HEAD_BYTES else data)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP."""
        self._refuse(_answer(b"400 Bad Request", msg))

    def on_message_begin(self) -> None:
        """Begins to wait for the rest of a head."""
        if self._deadline is None:
            self._wait_for_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Waits no more: the body has a limit of its own."""
        self._stop_waiting()
        self._in_head, self._moved_on = False, True
        if self._is_too_large():
            self._refuse(_TOO_LARGE)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hands on a part of the body."""
        self._moved_on = True
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Begins to read the next head."""
        self._in_head, self._moved_on = True, True
        if not self._refused:
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        self._moved_on, self._part = False, len(data)
        super().data_received(data)
        self._kept = 0 if self._moved_on else self._kept + len(data)
        if self._kept > MOST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)

    def _is_too_large(self) -> bool:
        if len(self.headers) > MOST_HEADERS or self._kept + self._part <= MOST_HEAD_BYTES:
            return len(self.headers) > MOST_HEADERS
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        return size > MOST_HEAD_BYTES

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(SECONDS_FOR_HEAD, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self._refuse(_TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        """Answers, takes no more and closes; behind the answers to requests before, which stay whole."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_waiting()
        if self._is_owed_an_answer():
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        else:
            self.transport.write(answer)
            self.transport.close()

    def _is_owed_an_answer(self) -> bool:
        """Whether a request before the one being read waits for its answer, or this one's has begun."""
        # uvicorn's types do not say that there is none before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return self._in_head or cycle.response_started or bool(self.pipeline)
