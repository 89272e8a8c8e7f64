"""Loads that add to what is landed: messages one by one and in batches, files of declared sources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from headgate import postgres
from headgate.landing import Appended, Message, close_open_loads, land_files, open_appender
from headgate.streaming.messages import Received, accept
from tests.integration.landing_files import event, push
from tests.support import Database

EVENTS = "staging_github_events.events"


def messages(*numbers: int) -> list[Message]:
    """Events as messages; the number is the delivery id."""
    return [Message(str(number), json.dumps(event(number), indent=1).encode()) for number in numbers]


def append(database: Database, *batches: Sequence[Message], source: str = "github_events") -> list[Appended]:
    """Appends batches with one appender, which then closes its load."""

    async def work() -> list[Appended]:
        async with open_appender(database.settings, source, uri="test") as appender:
            return [await appender.append(batch) for batch in batches]

    return asyncio.run(work())


def test_a_message_lands_once_whatever_the_load(database: Database) -> None:
    """Redelivered messages are counted, not landed: in a batch, in a later one, with another appender."""
    first = append(database, messages(1, 2, 2, 3), messages(3, 4))
    assert first == [Appended(landed=3, redelivered=1), Appended(landed=1, redelivered=1)]
    assert append(database, messages(4, 5)) == [Appended(landed=1, redelivered=1)]
    assert database.query(f"select record_id from {EVENTS} order by 1") == [(str(n),) for n in range(1, 6)]
    rows = (
        "select status, appended, lines_read, rows_landed, rows_redelivered from ops.loads order by load_id"
    )
    assert database.query(rows) == [("landed", True, 4, 4, 2), ("landed", True, 1, 1, 1)]
    numbers = f"select line_number from {EVENTS} where load_id = 1 order by 1"
    assert database.query(numbers) == [(1,), (2,), (3,), (4,)]


def test_poison_is_rejected_once_and_the_rest_lands(database: Database) -> None:
    """What is no JSON, and what PostgreSQL alone refuses, become rejects; both count as delivered."""
    deep = b'{"id": "d", "type": "WatchEvent", "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    huge = b'{"id": "h", "type": "WatchEvent", "x": 1e200000}'
    nul = json.dumps({**event(9), "x": "a\0b"}).encode()
    batch = [
        *messages(1),
        Message("truncated", b'{"id": '),
        Message("deep", deep),
        Message("huge", huge),
        Message("nul", nul),
        Message("empty", b""),
        *messages(2),
    ]
    (done,) = append(database, batch)
    assert done == Appended(landed=3, rejected=4, repaired=1)
    assert append(database, batch) == [Appended(redelivered=7)]
    reasons = database.query("select line_number, reason from ops.rejects order by 1")
    assert reasons == [
        (2, "truncated JSON"),
        (3, "nesting too deep"),
        (4, "number out of range"),
        (6, "blank line"),
    ]
    assert database.query("select lines_read, rows_landed, rows_rejected, rows_repaired from ops.loads") == [
        (7, 3, 4, 1)
    ]


def test_personal_data_never_lands(database: Database) -> None:
    """Messages go through the contract's privacy as files do."""
    append(database, [Message("1", json.dumps(push(1, "someone@example.org")).encode())])
    assert "someone@example.org" not in str(database.value(f"select record::text from {EVENTS}"))


def test_closing_shows_a_load_and_the_next_message_opens_another(database: Database) -> None:
    """Anyone may close an open load at any time; its appender goes on with a new one, and nothing is lost."""

    async def work() -> list[int]:
        other = await postgres.connect(database.settings)
        closed = []
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            for number in range(3):
                await appender.append(messages(number))
                closed.append(await close_open_loads(database.settings, other))
            closed.append(await close_open_loads(database.settings, other))
        await other.close()
        return closed

    assert asyncio.run(work()) == [1, 1, 1, 0]
    assert database.query("select status, rows_landed from ops.loads order by load_id") == [("landed", 1)] * 3
    starts = database.query("select partition_start from ops.loads")
    assert len(set(starts)) == 3


def test_a_load_covers_its_records_as_far_back_as_they_may_come_late(database: Database) -> None:
    """The extent reaches from the oldest record on, but a date of 1970 does not stretch it for ever."""
    now = datetime.now(UTC)
    late = event(1, created_at=f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}")
    append(database, [Message("1", json.dumps(late).encode())])
    ancient = event(2, created_at="1970-01-01T00:00:00Z")
    append(database, [Message("2", json.dumps(ancient).encode())])
    extents = database.query("select partition_start, partition_end from ops.loads order by load_id")
    assert timedelta(days=2) < now - extents[0][0] + timedelta(seconds=2) < timedelta(days=2, minutes=1)
    assert timedelta(days=6) < now - extents[1][0] < timedelta(days=7, minutes=1)
    for start, end in extents:
        assert start.microsecond
        assert now - timedelta(minutes=1) < end < now + timedelta(minutes=5)


def test_loads_with_records_of_one_instant_have_starts_of_their_own(database: Database) -> None:
    """Partitions are told apart by their start, so no two appended loads may share it."""
    instant = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:00:00Z}"
    for number in range(3):
        append(database, [Message(str(number), json.dumps(event(number, created_at=instant)).encode())])
    starts = database.query("select partition_start from ops.loads")
    assert len(set(starts)) == 3


def test_appenders_side_by_side_land_every_message_once(database: Database) -> None:
    """Four writers with overlapping messages neither lose nor double one, nor lock each other up."""

    async def write(number: int) -> int:
        landed = 0
        async with open_appender(database.settings, "github_events", uri=f"test {number}") as appender:
            for start in range(0, 400, 20):
                # Each in an order of its own.
                batch = messages(*range(start, start + 40))[:: 1 if number % 2 else -1]
                landed += (await appender.append(batch)).landed
        return landed

    async def work() -> list[int]:
        return await asyncio.gather(*(write(number) for number in range(4)))

    assert sum(asyncio.run(work())) == 420
    assert database.value(f"select count(*) from {EVENTS}") == 420
    assert database.value(f"select count(distinct record_id) from {EVENTS}") == 420


def test_nothing_of_a_batch_lands_when_the_connection_dies(database: Database) -> None:
    """A killed backend leaves the batch as if it had never come; it can be appended again."""

    async def work() -> None:
        other = await postgres.connect(database.settings)
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            await appender.append(messages(1))
            pid, closed = appender.connection.get_server_pid(), asyncio.Event()
            appender.connection.add_termination_listener(lambda _: closed.set())
            await other.execute("select pg_terminate_backend($1)", pid)
            await closed.wait()
            await appender.append(messages(2))

    with pytest.raises(asyncpg.InterfaceError):
        asyncio.run(work())
    assert append(database, messages(1, 2)) == [Appended(landed=1, redelivered=1)]


def test_a_reject_does_not_keep_out_the_event_that_it_was_to_be(database: Database) -> None:
    """A torn body that the publisher named 777 is no event 777; the whole one lands."""
    whole = json.dumps(event(777)).encode()
    torn = accept([Received(whole[:-9], "events", 1, "777")])
    assert append(database, torn, torn) == [Appended(rejected=1), Appended(redelivered=1)]
    assert append(database, accept([Received(whole, "events", 2, "777")])) == [Appended(landed=1)]


@pytest.mark.costly
def test_files_of_the_same_bytes_at_once_land_once(database: Database, tmp_path: Path) -> None:
    """The second waits for the first, on another connection too, and finds its bytes landed."""
    lines = "".join(json.dumps(event(number)) + "\n" for number in range(20_000))
    files = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for file in files:
        file.write_text(lines)
    results = land_files(database.settings, "github_events", files, connections=2)
    assert sorted(result.status for result in results) == ["landed", "unchanged"]
    assert database.value(f"select count(*) from {EVENTS}") == 20_000
    assert database.query("select distinct status from ops.loads") == [("landed",)]


def test_files_of_an_appending_source_add_up_and_land_once(database: Database, tmp_path: Path) -> None:
    """A file adds its records; the same bytes under another name add nothing."""
    for name, numbers in (("a", range(3)), ("b", range(3, 5)), ("c", range(3))):
        lines = "\n".join(json.dumps(event(number)) for number in numbers)
        (tmp_path / f"{name}.jsonl").write_text(lines + "\n")
    files = [tmp_path / f"{name}.jsonl" for name in "abc"]
    results = land_files(database.settings, "github_events", files[:2], connections=2)
    assert [result.status for result in results] == ["landed", "landed"]
    (again,) = land_files(database.settings, "github_events", files[2:])
    assert (again.status, again.rows_landed) == ("unchanged", 3)
    assert database.value(f"select count(*) from {EVENTS}") == 5
    assert database.value("select count(*) from ops.loads where status = 'landed' and appended") == 2
