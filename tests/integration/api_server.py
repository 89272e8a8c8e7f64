"""Web servers for tests of sources that ask: real sockets, an answer per request."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    """What a client asked."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class Reply:
    """What it gets: a status, a body (JSON unless it is bytes), headers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """A running server: `answer` says what each request gets, `requests` what they were."""

    answer: Callable[[Request], Reply]
    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextlib.contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[Api]:
    """A server on a port of its own, for the length of a `with` block."""
    api = Api(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = Request(parts.path, params, {k.lower(): v for k, v in self.headers.items()})
            api.requests.append(request)
            reply = api.answer(request)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            body = b"" if reply.status in (204, 304) else body
            self.send_response_only(reply.status)
            told = {"Date": self.date_time_string(), "Content-Type": "application/json", **reply.headers}
            for name, value in told.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
