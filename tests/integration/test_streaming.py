"""The streaming pipeline on a real NATS server: what lands, what is rejected, what survives kill -9."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError
from headgate.streaming.config import StreamConfig, read_config
from headgate.streaming.messages import Received, accept
from headgate.streaming.publish import publish_lines
from headgate.streaming.sink import Sink
from headgate.streaming.source import Source
from tests.integration.landing_files import as_lines, event, push
from tests.servers import Nats
from tests.support import Database

EVENTS = "staging_github_events.events"
DEEP = b'{"id": "deep", "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
POISON = [b'{"id": ', b"\xff\xfe", b"", b'["no event"]', DEEP]


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    """A running NATS server."""
    server = Nats.below(tmp_path)
    server.start()
    yield server
    server.kill()


def publish(nats: Nats, lines: Iterable[bytes], **config: Any) -> int:
    """Publishes messages; how many it were."""
    return asyncio.run(publish_lines(nats.url, read_config(config), lines))


def test_feed_says_that_no_server_answers(database: Database, tmp_path: Path) -> None:
    """It goes on trying, and says so at once."""
    (tmp_path / "events.jsonl").write_bytes(b"{}\n")
    environment = {**database.env, "HEADGATE_NATS_URL": "nats://127.0.0.1:9"}
    command = [Path(sys.executable).with_name("headgate"), "feed", tmp_path / "events.jsonl"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as feeding:
        try:
            assert feeding.stderr is not None
            assert "NATS does not answer yet" in feeding.stderr.readline()
        finally:
            feeding.kill()


def follow(database: Database, nats: Nats, **variables: Any) -> list[int]:
    """Runs source, transformer and sink as Mage does, until the stream is idle; the batches' sizes."""
    settings = type(database.settings)(**{**vars(database.settings), "nats_url": nats.url})
    source = Source({"stop_when_idle_seconds": 1, "linger_seconds": 0.2, **variables}, settings)
    sink = Sink("github_events", settings)
    sizes: list[int] = []

    def handle(received: list[Received]) -> None:
        sink.write(accept(received))
        sizes.append(len(received))

    try:
        source.read(handle)
    finally:
        source.close()
        sink.close()
    return sizes


def consumer(nats: Nats, config: StreamConfig) -> tuple[int, int]:
    """(messages not yet handed out, messages not yet acknowledged)."""
    import nats as client

    async def ask() -> tuple[int, int]:
        connection = await client.connect(nats.url)
        info = await connection.jetstream().consumer_info(config.stream, config.durable)
        await connection.close()
        return info.num_pending or 0, info.num_ack_pending or 0

    return asyncio.run(ask())


def test_messages_land_and_are_acknowledged(database: Database, nats: Nats) -> None:
    """Each event once, personal data replaced, in batches; the stream hands none of them out again."""
    lines = as_lines([event(number) for number in range(40)] + [push(40, "someone@example.org")])
    assert publish(nats, lines) == 41
    sizes = follow(database, nats, batch_size=20, max_in_flight=40)
    assert sum(sizes) == 41
    assert max(sizes) <= 20
    ids = [row for (row,) in database.query(f"select record_id from {EVENTS}")]
    assert sorted(map(int, ids)) == list(range(41))
    assert "someone@example.org" not in str(database.query(f"select record::text from {EVENTS}"))
    assert consumer(nats, StreamConfig()) == (0, 0)
    assert follow(database, nats) == []
    assert database.query("select status, rows_landed from ops.loads") == [("landed", 41)]


def test_an_event_that_comes_again_lands_once(database: Database, nats: Nats) -> None:
    """By its own id: from the same stream or from another one."""
    lines = as_lines([event(number) for number in range(10)])
    publish(nats, lines)
    publish(nats, lines, stream="other", subject="other.events")
    assert sum(follow(database, nats)) == 10
    assert sum(follow(database, nats, stream="other", subject="other.events")) == 10
    assert database.value(f"select count(*) from {EVENTS}") == 10


def test_poison_is_rejected_and_acknowledged(database: Database, nats: Nats) -> None:
    """What is no event is kept with its reason; the stream goes on and never hands it out again."""
    publish(nats, [*as_lines([event(1)]), *POISON, *as_lines([event(2)])])
    follow(database, nats)
    assert database.value(f"select count(*) from {EVENTS}") == 2
    reasons = database.query("select reason from ops.rejects order by line_number")
    assert [reason for (reason,) in reasons] == [
        "truncated JSON",
        "invalid UTF-8",
        "blank line",
        "not an object",
        "nesting too deep",
    ]
    assert consumer(nats, StreamConfig()) == (0, 0)


def test_nothing_is_acknowledged_before_it_is_landed(database: Database, nats: Nats) -> None:
    """A batch whose sink fails comes again, whole."""
    publish(nats, as_lines([event(number) for number in range(10)]))
    settings = type(database.settings)(**{**vars(database.settings), "nats_url": nats.url})
    variables = {"ack_wait_seconds": 1, "linger_seconds": 0.2}
    source = Source(variables, settings)

    def fail(_: list[Received]) -> None:
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError):
        source.read(fail)
    source.close()
    assert consumer(nats, StreamConfig())[1] == 10
    assert sum(follow(database, nats, ack_wait_seconds=1, stop_when_idle_seconds=3)) == 10
    assert database.value(f"select count(*) from {EVENTS}") == 10


def test_back_pressure_holds_what_is_handed_out(database: Database, nats: Nats) -> None:
    """While the sink does not return, the server hands out no more than is allowed in flight."""
    publish(nats, as_lines([event(number) for number in range(100)]))
    settings = type(database.settings)(**{**vars(database.settings), "nats_url": nats.url})
    config = {"batch_size": 5, "max_in_flight": 20, "linger_seconds": 0.2, "stop_when_idle_seconds": 1}
    source = Source(config, settings)
    seen: list[tuple[int, int]] = []

    def look(_: list[Received]) -> None:
        if not seen:
            time.sleep(1)
            seen.append(consumer(nats, read_config(config)))

    source.read(look)
    source.close()
    assert seen[0][1] <= 20
    assert seen[0][0] >= 80


def test_what_the_server_would_never_take_is_told(nats: Nats) -> None:
    """A line larger than the server's limit, or with its header larger, holds up nothing and is counted."""
    limit = 1024 * 1024
    lines = as_lines([event(number) for number in range(10)])
    lines[3:3] = [b"x" * (limit - 1), b"x" * (5 * limit)]
    with pytest.raises(HeadgateError, match="found 2 of 12 that are larger; all others are published"):
        publish(nats, lines)
    assert publish(nats, [b"x" * (limit - 200)]) == 1


def test_the_pipeline_runs_in_mage(database: Database, nats: Nats, tmp_path: Path) -> None:
    """`headgate feed` publishes, `headgate run stream_github_events` lands with Mage's own executor."""
    hour = tmp_path / "hour.jsonl.gz"
    hour.write_bytes(gzip.compress(b"\n".join(as_lines([event(number) for number in range(500)])) + b"\n"))
    said = database.headgate("feed", hour, HEADGATE_NATS_URL=nats.url).stdout
    assert said == "500 messages published to github.events\n"
    run = ("run", "stream_github_events", "--until-idle", "1", "--json")
    (done,) = json.loads(database.headgate(*run, HEADGATE_NATS_URL=nats.url).stdout)
    assert list(done["blocks"]) == ["stream_github_events"]
    assert database.value(f"select count(distinct record_id) from {EVENTS}") == 500
    config = StreamConfig(stream="github_events", subject="github.events")
    assert consumer(nats, config) == (0, 0)
