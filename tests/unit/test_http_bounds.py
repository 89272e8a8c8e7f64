"""Answers of REST endpoints that do not end, unpack to gigabytes, lead elsewhere, or nest without end."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from headgate.errors import HeadgateError
from headgate.pulling import http_client
from headgate.pulling.clock import SYSTEM, Clock
from headgate.pulling.http_client import HttpClient, new_client
from headgate.pulling.json_records import Answer
from tests.integration.api_server import Api, Reply, Request, serving

SECRET = "s3cret"


def ask(
    answer: Callable[[Request], Reply], path: str = "/page", redirects: tuple[str, ...] = (), **more: Any
) -> tuple[httpx.Response, Api]:
    """What the client makes of a server's answer."""

    async def run(api: Api) -> httpx.Response:
        async def sleep(_: float) -> None:
            pass

        async with new_client({"Accept": "application/json"}) as client:
            http = HttpClient(
                client,
                httpx.URL(more.get("home") or api.url),
                lambda _: None,
                (SECRET,),
                {"Authorization": f"Bearer {SECRET}"},
                {"key": SECRET},
                redirects,
                clock=Clock(SYSTEM.now, SYSTEM.monotonic, sleep),
            )
            return await http.get(httpx.URL(f"{more.get('home') or api.url}{path}"))

    with serving(answer) as api:
        return asyncio.run(run(api)), api


def bomb(kind: str) -> bytes:
    """Some kilobytes that unpack to 24 MB."""
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "deflate without head": -15}[kind])
    block = b" " * (8 << 20)
    packed = [packer.compress(block) for _ in range(3)]
    return b"".join([*packed, packer.flush()])


@pytest.mark.parametrize("kind", ["gzip", "deflate", "deflate without head"])
def test_a_small_answer_that_unpacks_to_too_much_is_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked for again, and memory stays where the limit is."""
    monkeypatch.setattr("headgate.pulling.bodies.MOST_ANSWER_BYTES", 16 << 20)
    body = bomb(kind)
    assert len(body) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(HeadgateError, match=r"unpacked.*smaller pages"):
            ask(lambda _: Reply(body, headers={"Content-Encoding": kind.split()[0]}))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


def test_a_bomb_in_a_bomb_and_unknown_packing_are_refused() -> None:
    """What was not asked for is not unpacked."""
    twice = gzip.compress(bomb("gzip"))
    for encoding in ("gzip, gzip", "br", "zstd"):
        with pytest.raises(HeadgateError, match="gzip, deflate was asked for"):
            ask(lambda _, encoding=encoding: Reply(twice, headers={"Content-Encoding": encoding}))


def test_packed_answers_are_read() -> None:
    """In each form, in several members, under any name of the encoding, or not packed at all."""
    text = json.dumps([{"id": 1, "t": "ü" * 3_000_000}]).encode()
    half = len(text) // 2
    for encoding, body in (
        ("gzip", gzip.compress(text)),
        ("X-GZIP", gzip.compress(text)),
        ("gzip", gzip.compress(text[:half]) + gzip.compress(text[half:])),
        ("deflate", zlib.compress(text)),
        ("deflate", zlib.compress(text, wbits=-15)),
        ("identity", text),
        ("", text),
    ):
        reply = Reply(body, headers={"Content-Encoding": encoding} if encoding else {})
        assert ask(lambda _, reply=reply: reply)[0].content == text
    with pytest.raises(HeadgateError, match="ends early"):
        ask(lambda _: Reply(gzip.compress(text)[:-20], headers={"Content-Encoding": "gzip"}))


def test_an_answer_that_drips_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the answer never."""
    monkeypatch.setattr(http_client, "SECONDS_FOR_ANSWER", 0.3)
    monkeypatch.setattr(http_client, "ATTEMPTS", 2)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        url = httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
        async with server, new_client({}) as client:
            await HttpClient(client, url, lambda _: None).get(url)

    with pytest.raises(HeadgateError, match="no whole answer within"):
        asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize(
    "place",
    [
        "http://localhost:{port}/else",
        "http://[::1]:{port}/else",
        "http://127.0.0.1:1/else",
        "https://example.com/else",
        "//example.com/else",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433:{port}/else",
        "file:///etc/passwd",
        "ftp://127.0.0.1/else",
        "gopher://127.0.0.1/else",
    ],
)
def test_redirects_to_elsewhere_are_refused_and_get_no_credentials(place: str) -> None:
    """Another name of the same machine, another port, another scheme: none of them was declared."""
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        port = request.headers["host"].rpartition(":")[2]
        return Reply(None, 302, {"Location": place.format(port=port)})

    with pytest.raises(HeadgateError, match="redirects and links that stay on its host") as refused:
        ask(answer)
    assert len(asked) == 1
    assert SECRET not in str(refused.value)


def test_redirects_on_the_host_keep_credentials_and_end() -> None:
    """Absolute and relative; one that leads round in a circle is left."""

    def answer(request: Request) -> Reply:
        port = request.headers["host"].rpartition(":")[2]
        moves = {"/page": "/a", "/a": f"http://127.0.0.1:{port}/b", "/round": "/round"}
        if request.path in moves:
            return Reply(None, 307, {"Location": moves[request.path]})
        return Reply([request.headers["authorization"], request.params["key"]])

    assert ask(answer)[0].json() == [f"Bearer {SECRET}", SECRET]
    with pytest.raises(HeadgateError, match="more than 5 redirects"):
        ask(answer, "/round")


def test_declared_hosts_get_no_credentials() -> None:
    """A redirect to a host that was named is followed; it gets neither header nor parameter."""

    def answer(request: Request) -> Reply:
        if request.path == "/page":
            port = request.headers["host"].rpartition(":")[2]
            return Reply(None, 302, {"Location": f"http://localhost:{port}/data?token=of-its-own"})
        return Reply([request.headers.get("authorization"), request.params, request.headers["accept"]])

    with serving(answer) as api:
        port = api.url.rpartition(":")[2]

        async def run() -> Any:
            async with new_client({"Accept": "application/json"}) as client:
                http = HttpClient(
                    client,
                    httpx.URL(api.url),
                    lambda _: None,
                    headers={"Authorization": SECRET},
                    params={"key": SECRET},
                    redirects=(f"LocalHost:{port}",),
                )
                return (await http.get(httpx.URL(f"{api.url}/page"))).json()

        assert asyncio.run(run()) == [None, {"token": "of-its-own"}, "application/json"]


def test_a_public_host_leads_to_no_address_of_this_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where somebody declared it; the public host is played by a proxy."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def answer(request: Request) -> Reply:
        assert request.path != "/inner", "the proxy was asked for an inner address"
        return Reply(None, 302, {"Location": "http://127.0.0.1:9/inner"})

    with serving(answer) as api:
        monkeypatch.setenv("http_proxy", api.url)

        async def run() -> None:
            home = httpx.URL("http://feeds.example.invalid/data")
            async with new_client({}) as client:
                http = HttpClient(client, home, lambda _: None, redirects=("127.0.0.1:9",))
                await http.get(home)

        with pytest.raises(HeadgateError, match="from a public host to an address of this network"):
            asyncio.run(run())


@pytest.mark.parametrize("depth", [10, 255, 600, 1005, 1030, 6000])
def test_records_of_any_depth_are_read(depth: int) -> None:
    """With whole numbers, which orjson reads, and with others; as texts that are the record."""
    for inner in ("1", "1.50", "NaN"):
        deep = f'{{"id":1,"d":{"[" * depth}{inner}{"]" * depth}}}'
        answer = Answer(f'{{"items":[{deep},{{"id":2}}]}}'.encode(), "x", ("items",))
        assert [text.decode().replace(" ", "") for text, _ in answer.records()] == [deep, '{"id":2}']
