"""GitHub's events come in several ways; typed and counted they are the same, each once."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.webhook_load import push_body
from headgate.landing import Message, open_appender
from headgate_github.synth.traps import TRAPS
from headgate_github.webhooks import event_record
from tests.acceptance.hours import generated
from tests.acceptance.runs import WITH_GATES, build
from tests.acceptance.tables import Fingerprint, fingerprint
from tests.support import Database, Databases

VIEWS = ("repository_activity", "actor_activity", "contributor_activity")
#: What lands differs by where it lands; all that follows must not.
PLACE = {"partition_start", "line_number"}


def messages(file: Path) -> list[Message]:
    """The lines of an hour as a stream would send them."""
    lines = gzip.decompress(file.read_bytes()).splitlines()
    return [Message(str(json.loads(line)["id"]), line) for line in lines]


def append(database: Database, *batches: Sequence[Message], source: str = "github_events") -> None:
    """Appends batches, each as a load of its own."""

    async def work() -> None:
        for batch in batches:
            async with open_appender(database.settings, source, uri="test") as appender:
                for start in range(0, len(batch), 50):
                    await appender.append(batch[start : start + 60])

    asyncio.run(work())


def features(database: Database, until: datetime) -> dict[str, Fingerprint]:
    """A fingerprint of each feature view up to an instant, and of the events themselves."""
    hashes = {
        view: fingerprint(database, f"select * from features.{view} where as_of <= '{until.isoformat()}'")
        for view in VIEWS
    }
    columns = [
        name
        for (name,) in database.query(
            "select column_name::text from information_schema.columns where table_schema = 'typed'"
            " and table_name = 'stg_gharchive__events' order by 1"
        )
        if name not in PLACE
    ]
    return hashes | {
        "events": fingerprint(database, f"select {', '.join(columns)} from typed.stg_gharchive__events")
    }


@pytest.mark.slow
def test_polled_and_archived_events_are_the_same(databases: Databases, tmp_path: Path) -> None:
    """Hours that were polled, archived, or came both ways make the features of the archive alone."""
    newest = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    hours = [newest - timedelta(hours=number) for number in (2, 1, 0)]
    first, second, third = generated(
        tmp_path, hours, events_per_hour=200, traps=["clock_skew", "unknown_type"]
    )
    with databases.new() as archived, databases.new() as mixed:
        build(archived, [first, second, third])
        polled = messages(second)
        append(mixed, messages(first), polled[:120])
        mixed.dbt(*WITH_GATES)
        append(mixed, polled[80:])
        build(mixed, [second, third], gates=True)
        until = newest + timedelta(hours=1)
        assert features(archived, until) == features(mixed, until)
        kept = "select count(*) from typed.stg_gharchive__deliveries where not is_kept"
        assert mixed.value(kept) == len(polled)
        sampled = "select count(*) from monitoring.gharchive_observed_paths join ops.loads using (load_id)"
        assert mixed.value(f"{sampled} where source = 'github_events'") > 0
        outcomes = "select rows_landed = typed_count + quarantined_count + duplicates_count from"
        assert set(mixed.query(f"{outcomes} typed.stg_gharchive__load_outcomes where status = 'landed'")) == {
            (True,)
        }


def end_newest_load(database: Database, at: datetime) -> None:
    """As if the newest load had been closed at that time, with what had come until then."""
    database.query(
        "update ops.loads set partition_end = %s, partition_start = ("
        " select min(recorded_at) - interval '1 us' from staging_github_events.events as landed"
        " where landed.load_id = loads.load_id)"
        " where load_id = (select max(load_id) from ops.loads)",
        at,
    )


@pytest.mark.slow
def test_builds_in_the_middle_of_hours_end_in_the_same_features(databases: Databases, tmp_path: Path) -> None:
    """Micro-batches that end anywhere, also a first one long before its hour is over, lose no row."""
    newest = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    hours = [newest, newest + timedelta(hours=1)]
    files = list(generated(tmp_path, hours, events_per_hour=200))
    sent = sorted(
        (message for file in files for message in messages(file)),
        key=lambda message: json.loads(message.body)["created_at"],
    )
    with databases.new() as archived, databases.new() as streamed:
        build(archived, files)
        begin = 0
        for minutes in (21, 62, 75, 122):
            until = newest + timedelta(minutes=minutes)
            limit = f"{until:%Y-%m-%dT%H:%M:%SZ}"
            end = sum(json.loads(message.body)["created_at"] < limit for message in sent)
            append(streamed, sent[begin:end])
            end_newest_load(streamed, until)
            streamed.dbt(*WITH_GATES)
            begin = end
        assert begin == len(sent)
        until = newest + timedelta(hours=2)
        assert features(archived, until) == features(streamed, until)


@pytest.mark.costly
def test_webhooks_become_features(database: Database) -> None:
    """Deliveries pass every gate, also those of kinds that have no actor, no repository or no model."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    bodies = [("push", push_body(number, 2000)) for number in range(60)]
    people = {"sender": {"id": 5, "login": "a"}, "repository": {"id": 7, "full_name": "a/b"}}
    bodies += [
        ("star", json.dumps({"action": "created", **people}).encode()),
        ("workflow_run", json.dumps({"action": "completed", **people}).encode()),
        ("organization", json.dumps({"action": "renamed", "sender": people["sender"]}).encode()),
        ("ping", b'{"zen": "Keep it logically awesome."}'),
    ]
    deliveries = [
        Message(
            str(number),
            event_record(kind, str(number), hour + timedelta(seconds=number), body, json.loads(body)),
        )
        for number, (kind, body) in enumerate(bodies)
    ]
    append(database, deliveries, source="github_webhooks")
    assert "WARN=0 ERROR=0" in database.dbt(*WITH_GATES).stdout
    counted = (
        "select sum(events_count_1h), sum(pushes_count_1h), sum(stars_count_1h)"
        " from features.repository_activity where as_of = %s"
    )
    assert database.query(counted, hour + timedelta(hours=1)) == [(62, 60, 1)]
    # They landed hours later: no window lets go of them before an event tells that time went on.
    assert database.value("select max(as_of) from features.repository_activity") == hour + timedelta(hours=1)
    commits = "select sum(commits_count), count(distinct head_sha) from typed.stg_gharchive__pushes"
    assert database.query(commits) == [(120, 60)]
    outcomes = "select rows_landed, typed_count from typed.stg_gharchive__load_outcomes"
    assert database.query(outcomes) == [(64, 64)]


@pytest.mark.costly
def test_one_odd_message_does_not_stop_what_follows(database: Database) -> None:
    """A load may hold a single message; that one breaks the contract must not stop every build."""
    now = datetime.now(UTC)
    odd = {"id": "odd", "type": "PushEvent", "created_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    append(database, [Message("odd", json.dumps(odd).encode())])
    database.dbt(*WITH_GATES)
    outcomes = "select typed_count, quarantined_count from typed.stg_gharchive__load_outcomes"
    assert database.query(outcomes) == [(0, 1)]


@pytest.mark.costly
def test_poison_in_a_stream_is_rejected_or_quarantined(database: Database, tmp_path: Path) -> None:
    """Of lines with every trap, sent as messages, what lands is typed, quarantined or a duplicate."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    (file,) = generated(tmp_path, [hour], events_per_hour=200, traps=TRAPS)
    lines = gzip.decompress(file.read_bytes()).split(b"\n")[:-1]
    append(database, [Message(str(number), line) for number, line in enumerate(lines)])
    database.dbt(*WITH_GATES)
    ((landed, rejected, typed, quarantined, duplicates),) = database.query(
        "select sum(rows_landed), sum(rows_rejected), sum(typed_count), sum(quarantined_count),"
        " sum(duplicates_count) from typed.stg_gharchive__load_outcomes"
    )
    assert rejected > 0
    assert quarantined > 0
    assert landed == typed + quarantined + duplicates
