"""Commands under `ulimit -v`: what attacks them is refused, what is valid lands, memory stays bounded."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.programs import program
from tests.servers import SECRET, Receiver, free_port, wait_until
from tests.small_project import declare
from tests.support import Database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
]

#: Address space of each process that lands, in kB: a third of it is taken by libraries and a thread's stack.
LIMIT = 1_500_000
#: The receiver's: less than what its largest body can take, parsed.
RECEIVER_LIMIT = 1_000_000
MB = 1 << 20
#: What follows the beginning of a request, again and again, and never ends it.
ENDLESS = {
    "a header": (b"POST /github HTTP/1.1\r\nHost: x\r\nX-A: ", b"x" * MB),
    "headers": (b"POST /github HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n" * 100_000),
    "a path": (b"POST /", b"x" * MB),
    "trailers": (b"POST /github HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 100_000),
    "a body": (b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"x" * MB),
    "a chunked body": (
        b"POST /github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"%x\r\n%b\r\n" % (MB, b"x" * MB),
    ),
}


def limited(*arguments: str | Path, limit: int = LIMIT) -> list[str]:
    """`headgate` with so much address space and no more, in all its processes."""
    return [
        "bash",
        "-c",
        f'ulimit -v {limit}; exec "$0" "$@"',
        str(program("headgate")),
        *map(str, arguments),
    ]


@pytest.fixture(scope="module")
def receiver(module_database: Database) -> Iterator[Receiver]:
    """A receiver of one process under the limit."""
    port = free_port()
    made = Receiver(
        limited("receive", "--port", str(port), "--processes", "1", limit=RECEIVER_LIMIT),
        {**module_database.env, "HEADGATE_WEBHOOK_SECRET": SECRET},
        module_database.folder / "receiver.log",
        port=port,
    )
    made.start()
    made.wait_until_healthy()
    yield made
    made.kill()


def send_endlessly(port: int, head: bytes, more: bytes, most: int = 300) -> int:
    """Sends until the server has had enough; how many megabytes it took."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sent = 0
        with suppress(OSError):
            sender.sendall(head)
            while sent < most:
                sender.sendall(more)
                sent += 1
        return sent


def drip(port: int, stop: threading.Event) -> None:
    """A head that comes a byte every tenth of a second."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender, suppress(OSError):
        sender.sendall(b"POST /github HTTP/1.1\r\nHost: x\r\nX-A: ")
        while not stop.wait(0.1):
            sender.sendall(b"x")


def count(database: Database) -> int:
    """How many deliveries are landed."""
    return int(database.value("select count(*) from staging_github_webhooks.deliveries"))


def test_the_receiver_serves_while_it_is_attacked(receiver: Receiver, module_database: Database) -> None:
    """Endless requests in six forms and fifty that drip: each signed delivery gets its 200."""
    before, stop = count(module_database), threading.Event()
    port = receiver.port
    drips = [threading.Thread(target=drip, args=(port, stop), daemon=True) for _ in range(50)]
    taken: dict[str, int] = {}
    attacks = [
        threading.Thread(target=lambda n=name, p=parts: taken.update({n: send_endlessly(port, *p)}))
        for name, parts in ENDLESS.items()
        for _ in range(2)
    ]
    for thread in (*drips, *attacks):
        thread.start()
    body = json.dumps({"zen": "x" * MB}).encode()
    answers = [receiver.deliver(f"d-{number}", body, event="ping").status_code for number in range(20)]
    for thread in attacks:
        thread.join()
    stop.set()

    assert answers == [200] * 20
    assert count(module_database) - before == 20
    assert set(taken) == set(ENDLESS)
    # A body is read for ten seconds at most, and not kept: who still sends does not see the answer.
    assert max(count for name, count in taken.items() if "body" not in name) < 100, taken
    assert receiver.is_running()


BODIES: dict[str, tuple[bytes, int, str]] = {
    "the longest string": (b'{"zen": "' + b"x" * (24 * MB) + b'"}', 200, "durable"),
    "many lists": (b'{"zen": [' + b",".join([b"[1]"] * (MB // 4)) + b"]}", 200, "durable"),
    "many objects": (b'{"zen": [' + b",".join([b'{"a":{}}'] * (MB // 4)) + b"]}", 200, "durable"),
    "lists in lists": (b'{"zen": ' + b"[" * (2 * MB) + b"]" * (2 * MB) + b"}", 400, "not one JSON object"),
    "more than memory": (b'{"zen": [' + b",".join([b'{"a":{}}'] * (5 * MB // 2)) + b"]}", 503, "no memory"),
}


@pytest.mark.parametrize("name", BODIES)
def test_signed_bodies_that_cost_memory(receiver: Receiver, module_database: Database, name: str) -> None:
    """Each lands, or is refused as what it is; the receiver goes on, and what has no room is sent again."""
    body, status, message = BODIES[name]
    before = count(module_database)
    answer = receiver.deliver(f"d {name}", body, event="ping")
    assert (answer.status_code, message in answer.text) == (status, True), answer.text
    assert count(module_database) - before == (status == 200)
    wait_until(lambda: receiver.health() == 200, "a healthy receiver")
    assert receiver.deliver(f"after {name}", b'{"zen": "well"}', event="ping").status_code == 200


def land(database: Database, project: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`headgate land` under the limit; no crash, no trace."""
    done = subprocess.run(
        limited("land", *arguments),
        env=database.env,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    return done


GOOD = b'{"id": 1, "updated_at": "2026-01-01T00:00:00Z", "email": "a@example.org"}\n'
FILES: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "a line without end": (lambda: (b"x" * MB for _ in range(4096)), "longer than 64 MB"),
    "a text without end": (lambda: iter([b'{"id": "', *([b"x" * MB] * 4096)]), "longer than 64 MB"),
    "an array in an array": (lambda: (b"[" * MB for _ in range(200)), ""),
    "two million bad lines": (lambda: (b"nonsense\n" * 10_000 for _ in range(200)), "rejects"),
    "a line of ten million objects": (
        lambda: iter(
            [b'{"id": 7, "updated_at": "2026-01-01T00:00:00Z", "v": [0', b',{"":{}}' * 5_000_000, b"]}\n"]
        ),
        "up to 60 times its size",
    ),
    "a gigabyte of blank lines": (lambda: (b"\n" * MB for _ in range(1024)), ""),
}


@pytest.mark.parametrize("name", FILES)
def test_small_files_that_unpack_to_gigabytes(database: Database, tmp_path: Path, name: str) -> None:
    """Refused with a message, or read past; nothing lands of what is refused, and the next file does."""
    make, message = FILES[name]
    project = declare(tmp_path / "project", "bombs", {"type": "files", "format": "jsonl"})
    file = tmp_path / "bomb.json.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        packed.write(GOOD)
        for block in make():
            packed.write(block)

    done = land(database, project, "bombs", file)
    assert message in " ".join((done.stdout + done.stderr).split())
    landed = database.value("select to_regclass('staging_bombs.records') is not null") and database.value(
        "select count(*) from staging_bombs.records"
    )
    assert (landed or 0) == (done.returncode == 0)

    sound = tmp_path / "sound.json"
    sound.write_bytes(GOOD.replace(b'"id": 1', b'"id": 2') + b'{"id": 3, "v": "' + b"x" * (20 * MB) + b'"}\n')
    assert land(database, project, "bombs", sound).returncode == 0
    assert database.value("select count(*) from staging_bombs.records where record_id in ('2', '3')") == 2


@contextmanager
def endpoint(write: Callable[[Any], None]) -> Iterator[str]:
    """A server whose answers `write` writes to the socket; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                write(self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


OK = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"


def endless_head(wire: Any) -> None:
    """Headers for ever."""
    wire.write(b"HTTP/1.0 200 OK\r\n")
    while True:
        wire.write(b"X-A: b\r\n" * 10_000)


def endless_body(wire: Any) -> None:
    """A text for ever."""
    wire.write(OK + b'\r\n[{"id": "')
    while True:
        wire.write(b"x" * MB)


def bomb(wire: Any) -> None:
    """600 MB in 600 kB."""
    wire.write(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"[" + b" " * (600 * MB) + b"]", 9))


def deep(wire: Any) -> None:
    """A record whose lists are ten million deep."""
    wire.write(OK + b'\r\n[{"id": 1, "v": ' + b"[" * 10**7 + b"]" * 10**7 + b"}]")


def many_objects(wire: Any) -> None:
    """A record of ten million objects."""
    wire.write(OK + b'\r\n[{"id": 1, "v": [0' + b',{"":{}}' * 5_000_000 + b"]}]")


def many_values(wire: Any) -> None:
    """Valid: 100,000 records of 300 bytes, and one of 30 MB."""
    records = [{"id": n, "updated_at": "2026-01-01T00:00:00Z", "v": "x" * 230} for n in range(100_000)]
    wire.write(OK + b"\r\n" + json.dumps([*records, {"id": -1, "v": "x" * (30 * MB)}]).encode())


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (endless_head, ""),
        (endless_body, "128 MB"),
        (bomb, "128 MB"),
        (deep, ""),
        (many_objects, "60 times"),
        (many_values, None),
    ],
)
def test_answers_that_cost_memory(
    database: Database, tmp_path: Path, write: Callable[[Any], None], message: str | None
) -> None:
    """Bad ones end the run, or are rejects, in bounded memory; a large sound one lands whole."""
    with endpoint(write) as url:
        loader = {"type": "http_json", "url": url}
        done = land(database, declare(tmp_path, "bombs", loader), "bombs")
    if message is None:
        assert done.returncode == 0, done.stderr
        assert database.value("select count(*) from staging_bombs.records") == 100_001
    else:
        assert message in " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 1 or database.value("select count(*) from ops.rejects") == 1
