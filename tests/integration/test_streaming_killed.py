"""The stream while the pipeline, PostgreSQL and NATS are killed: every message exactly once."""

from __future__ import annotations

import hmac
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.streaming.config import StreamConfig
from tests.integration.landing_files import as_lines, event
from tests.integration.test_streaming import consumer
from tests.servers import Nats, Service, kill_postgres, killable_database, wait_until
from tests.support import PII_KEY, Database

#: HEADGATE_TEST_MESSAGES=200000 HEADGATE_TEST_KILLS=10 is the large one; the suite does with less.
MESSAGES = int(os.environ.get("HEADGATE_TEST_MESSAGES", "5000"))
KILLS = int(os.environ.get("HEADGATE_TEST_KILLS", "3"))
#: One in so many is no event.
POISON_EVERY = 50
#: Messages a second, so that they come for longer than what was killed takes to come back.
RATE = 200


def messages() -> list[bytes]:
    """Events, and poison of three kinds among them, each line different."""
    lines = as_lines([event(number) for number in range(MESSAGES)])
    poison = (b'{"broken": %d', b'"%d"', b"%d \xff")
    for number in range(0, MESSAGES, POISON_EVERY):
        lines[number] = poison[number // POISON_EVERY % 3] % number
    return lines


def headgate(database: Database, nats: Nats, *arguments: str | Path) -> Service:
    """The command as a service."""
    program = str(Path(sys.executable).with_name("headgate"))
    env = {**database.env, "HEADGATE_NATS_URL": nats.url}
    return Service([program, *map(str, arguments)], env, database.folder / f"{arguments[0]}.log")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_message_lands_exactly_once(tmp_path: Path) -> None:
    """Each of the three dies at random moments and comes back: no event is lost or doubled."""
    chance = random.Random(9)
    lines = messages()
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    nats = Nats.below(tmp_path)
    with killable_database(tmp_path) as (cluster, database):
        publisher = headgate(database, nats, "feed", file, "--rate", str(RATE))
        pipeline = headgate(database, nats, "run", "stream_github_events", "--json")
        services = (nats, publisher, pipeline)

        def restart_postgres() -> None:
            kill_postgres(cluster)
            cluster.start()

        def restart(service: Service) -> Callable[[], None]:
            def work() -> None:
                service.kill()
                service.start()

            return work

        try:
            for service in services:
                service.start()
            wait_until(lambda: landed(database) > 0, "the first batch")
            kills = [restart_postgres, restart(nats), restart(pipeline)]
            for number in range(KILLS):
                # One in each share of the messages, all before the last of them have landed.
                share = MESSAGES * 0.8 * (number + chance.uniform(0.1, 0.9)) / KILLS
                wait_until(lambda: landed(database) >= share, f"{share:.0f} messages", 300)  # noqa: B023
                kills[number % len(kills)]()
            expected = MESSAGES - len(range(0, MESSAGES, POISON_EVERY))
            seconds = 120 + MESSAGES / 200
            wait_until(
                lambda: landed(database) >= expected and rejected(database) >= MESSAGES - expected,
                "every message",
                seconds,
            )
            assert publisher.process is not None
            assert publisher.process.wait(60) == 0
            # What was handed out and not acknowledged comes again, and lands no second time.
            wait_until(
                lambda: (
                    consumer(nats, StreamConfig(stream="github_events", subject="github.events")) == (0, 0)
                ),
                "every message acknowledged",
                120,
            )
            assert pipeline.is_running()
        finally:
            for service in services:
                service.kill()
        check(database, lines)


def landed(database: Database) -> int:
    """How many events are landed."""
    return int(database.value("select count(*) from staging_github_events.events"))


def rejected(database: Database) -> int:
    """How many messages are rejects."""
    return int(database.value("select count(*) from ops.rejects"))


def _digest(line: bytes) -> str:
    """What tells a reject that may hold personal data."""
    return f"hmac:{hmac.digest(PII_KEY.encode(), line, 'sha256').hex()[:32]}"


def check(database: Database, lines: list[bytes]) -> None:
    """Events by their ids, poison by its bytes: each once, and the ledger agrees."""
    poison = sorted(_digest(line) for line in lines[::POISON_EVERY])
    ids = [int(row) for (row,) in database.query("select record_id from staging_github_events.events")]
    assert len(ids) == len(set(ids))
    assert set(ids) == {number for number in range(MESSAGES) if number % POISON_EVERY}
    rejects = [row for (row,) in database.query("select line_hmac from ops.rejects")]
    assert sorted(rejects) == poison
    ((read, rows, refused, again),) = database.query(
        "select sum(lines_read), sum(rows_landed), sum(rows_rejected), sum(rows_redelivered) from ops.loads"
    )
    assert (read, rows, refused) == (MESSAGES, len(ids), len(poison))
    print(
        f"{KILLS} kills: {rows} events landed, {refused} rejects, {again} handed out again, each landed once"
    )
