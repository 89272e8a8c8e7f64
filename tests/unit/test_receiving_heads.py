"""Heads of requests that do not end, in every form: what the protocol keeps of them is bounded."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from headgate.receiving import protocol
from headgate.receiving.protocol import MOST_HEAD_BYTES, MOST_HEADERS, PatientProtocol

HEAD = b"POST /github HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FILLER = b"x" * (64 << 10)
#: What begins a request that never ends, and what is sent behind it again and again.
ENDLESS = {
    "a value": (HEAD + b"X-A: ", FILLER),
    "a name": (HEAD, FILLER),
    "headers": (HEAD, b"a: b\r\n" * 8192),
    "folded lines": (HEAD + b"X-A: b\r\n", b" folded\r\n" * 8192),
    "a path": (b"POST /", FILLER),
    "a method": (b"", FILLER),
    "empty lines": (b"", b"\r\n" * 32768),
    "a chunk's extension": (CHUNKED + b"1;", FILLER),
    "a trailer": (CHUNKED + b"0\r\nX-A: ", FILLER),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n" * 8192),
}
MOST_KEPT = 4 << 20

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers with its length and the number of headers."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = json.dumps([size, len(scope["headers"])]).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def talk(*clients: Client, most: int | None = None) -> list[Any]:
    """What clients come to that talk to a server at once."""
    config = uvicorn.Config(
        app, http=PatientProtocol, lifespan="off", limit_concurrency=most, log_config=None
    )
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: PatientProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]

        async def run(client: Client) -> Any:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await client(reader, writer)
            finally:
                writer.close()

        return list(await asyncio.gather(*map(run, clients)))


def sending(*parts: bytes) -> Client:
    """A client that sends and then reads to the end."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), 20)

    return client


async def pour(writer: asyncio.StreamWriter, start: bytes, more: bytes) -> int:
    """Sends until the server takes no more; how much that was."""
    sent = 0
    writer.write(start)
    try:
        while sent < 20 << 20:
            writer.write(more)
            await writer.drain()
            sent += len(more)
    except ConnectionError:
        return sent
    return sent


@pytest.mark.parametrize("kind", ENDLESS)
async def test_what_never_ends_is_not_kept(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever part of a request goes on and on, memory stays; the connection is closed."""
    monkeypatch.setattr(protocol, "SECONDS_FOR_HEAD", 1.0)
    start, more = ENDLESS[kind]

    async def client(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        return await pour(writer, start, more)

    tracemalloc.start()
    try:
        sent = await asyncio.wait_for(talk(*[client] * 4), 60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(sent) < 20 << 20, "the server took everything"
    assert peak < MOST_KEPT


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"X-A: " + b"v" * (MOST_HEAD_BYTES - 200) + b"\r\n", b"200"),
        (b"X-A: " + b"v" * MOST_HEAD_BYTES + b"\r\n", b"431"),
        (b"X-A: " + b"v" * (MOST_HEAD_BYTES + 5000) + b"\r\n", b"431"),
        (b"a: b\r\n" * (MOST_HEADERS - 3), b"200"),
        (b"a: b\r\n" * (MOST_HEADERS + 1), b"431"),
        (b"a: b\r\n" * 3000, b"431"),
    ],
    ids=["as long as may be", "too long", "much too long", "as many as may be", "too many", "many too many"],
)
async def test_the_limit_is_exact_however_a_head_arrives(lines: bytes, status: bytes) -> None:
    """In one part or in many; a refusal is JSON, and the connection is closed."""
    whole = HEAD + b"Connection: close\r\nContent-Length: 2\r\n" + lines + b"\r\n{}"
    # The last part is so long that nothing is sent behind what the server refuses.
    parts = [whole[start : start + 1000] for start in range(0, MOST_HEAD_BYTES - 2000, 1000)]
    for sent in ([whole], [*parts, whole[len(b"".join(parts)) :]]):
        (answer,) = await talk(sending(*sent))
        assert answer.startswith(b"HTTP/1.1 " + status)
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert ("head of the request" in told["error"]) if status == b"431" else told[0] == 2


async def test_an_endless_head_behind_a_request_leaves_its_answer_whole() -> None:
    """What was asked before is answered, and by no other status."""
    first = HEAD + b"Content-Length: 2\r\n\r\n{}"
    for behind in (HEAD + b"X-A: " + FILLER, FILLER):
        (answer,) = await talk(sending(first + behind))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"[2, 2]" in answer


async def test_bodies_of_any_framing_pass() -> None:
    """Tiny chunks, chunks with extensions, trailers, large bodies, requests one behind the other."""
    tiny = b"".join(b"1\r\nx\r\n" for _ in range(50_000)) + b"0\r\n\r\n"
    extended = b"".join(b"1;" + b"e" * 1000 + b"\r\nx\r\n" for _ in range(200)) + b"0\r\nX-T: 1\r\n\r\n"
    large = HEAD + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    answers = await talk(sending(CHUNKED + tiny + CHUNKED + extended + large))
    found = [part.rpartition(b"\r\n\r\n")[2] for part in answers[0].split(b"HTTP/1.1")[1:]]
    assert [json.loads(text)[0] for text in found] == [50_000, 200, 3_000_000]


async def test_more_connections_than_are_taken_are_told() -> None:
    """Also those that send nothing: each costs memory."""

    async def idle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> bytes:
        try:
            return await asyncio.wait_for(reader.read(), 1)
        except TimeoutError:
            return b""

    answers = await talk(*[idle] * 6, most=5)
    refused = [answer for answer in answers if answer]
    assert len(refused) == 2
    assert all(answer.startswith(b"HTTP/1.1 503") and b"retry-after: 10" in answer for answer in refused)


async def test_empty_lines_do_not_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dripped behind an answer, they stop the clock that closes idle connections: another one runs."""
    monkeypatch.setattr(protocol, "SECONDS_FOR_HEAD", 0.3)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        answer = b""
        async for part in _dripping(reader, writer):
            answer += part
        return answer

    (answer,) = await talk(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer


async def _dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """What comes while empty lines are sent; fails when that goes on for long."""
    for _ in range(60):
        try:
            part = await asyncio.wait_for(reader.read(1000), 0.1)
        except TimeoutError:
            writer.write(b"\r\n")
            continue
        if not part:
            return
        yield part
    pytest.fail("the connection was kept")
