"""What a build waits for when messages land in loads that stay open."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from headgate.landing import Message, open_appender
from headgate.pipelines import build, news
from headgate.postgres.connection import open_psycopg2
from headgate.store.provenance import project_hash
from tests.integration.landing_files import event
from tests.support import Database

PUBLISHED = """
    insert into ops.scheduled_builds (project_hash, looked_at, published_at)
    values ('any', clock_timestamp(), clock_timestamp())
"""


def test_messages_of_an_open_load_are_shown_to_the_build(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sensor sees them while their appender is at work, and closes the load before the build begins."""
    for name, value in database.env.items():
        monkeypatch.setenv(name, value)

    async def work() -> tuple[bool, bool, str, float]:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            before = await asyncio.to_thread(build.has_new_loads)
            await appender.append([Message("1", json.dumps(event(1)).encode())])
            after = await asyncio.to_thread(build.has_new_loads)
            began = time.monotonic()
            await asyncio.to_thread(build.wait_for_new_loads, minutes=5)
            waited = time.monotonic() - began
            status = await appender.connection.fetchval("select status from ops.loads")
            # It goes on with another load.
            await appender.append([Message("2", json.dumps(event(2)).encode())])
        return before, after, status, waited

    before, after, status, waited = asyncio.run(work())
    assert (before, after, status) == (False, True, "landed")
    assert waited < 4 * 60
    assert database.query("select status, rows_landed from ops.loads order by load_id") == [
        ("landed", 1),
        ("landed", 1),
    ]


def test_an_open_load_without_messages_is_nothing_to_build(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is quiet does not make builds."""
    for name, value in database.env.items():
        monkeypatch.setenv(name, value)

    async def work() -> bool:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            message = Message("1", json.dumps(event(1)).encode())
            await appender.append([message])
            await appender.close_load()
            await appender.connection.execute(PUBLISHED)
            await appender.append([message])
            return await asyncio.to_thread(build.has_new_loads)

    assert asyncio.run(work()) is False


#: A load of long ago, and the beginning of a decision about it.
OLD_LOAD = """
    with load as (
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri, status, finished_at,
            lines_read, rows_landed, rows_rejected
        )
        values ('orders', 'records', '2026-01-01', '2026-01-02', 'test', 'landed', '2026-01-02', 0, 0, 0)
        returning load_id
    )
    insert into ops.decisions (action, load_id, reason, actor)
"""
#: What makes a build due after one that was published, by what the look says of it.
NEWS = {
    "something landed": """
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri, status, finished_at,
            lines_read, rows_landed, rows_rejected
        )
        values ('orders', 'records', '2026-01-01', '2026-01-02', 'test', 'landed', clock_timestamp(), 0, 0, 0)
    """,
    "a decision was made": f"{OLD_LOAD} select 'restore load', load_id, 'a test', 'test' from load",
    "another release was made active, or changes were approved": """
        insert into ops.release_events (action, actor) values ('rollback', 'somebody')
    """,
    "a gate failed": "insert into ops.gate_results (run_id, gate, status) values ('r', 'g', 'fail')",
    "a relation is missing": """
        with defined as (
            insert into ops.model_definitions (definition, model, first_sql, settings, upstream, seeds)
            values ('d', 'gone', 'select 1', '{}', '{}', '{}')
        )
        insert into ops.deployed_models (model, relation_schema, materialized, definition)
        values ('gone', 'features', 'table', 'd')
    """,
    "files of the project changed": "update ops.scheduled_builds set project_hash = 'other'",
}


#: What the sensor of scheduled builds waits for.
ARRIVALS = {"something landed", "a decision was made"}


@pytest.mark.parametrize("reason", [*NEWS, None])
def test_a_build_is_due_when_there_is_news(database: Database, reason: str | None) -> None:
    """A look is answered by a whole build that began after it and was published; then only news counts."""
    with contextlib.closing(open_psycopg2(database.dsn)) as connection:
        connection.autocommit = True
        assert news.look(database.settings, connection) == "nothing was published by a scheduled build so far"
        database.query("""
            insert into ops.dbt_runs (run_id, command, whole, succeeded_at) values
            ('part', 'build', false, clock_timestamp()), ('failed', 'build', true, null)
        """)
        news.note_published(database.settings, connection)
        assert database.value("select count(*) from ops.scheduled_builds where published_at is null") == 1
        database.query("""
            insert into ops.dbt_runs (run_id, command, whole, succeeded_at)
            values ('whole', 'build', true, clock_timestamp())
        """)
        news.note_published(database.settings, connection)
        if reason:
            database.query(NEWS[reason])
        assert news.has_arrived(connection) is (reason in ARRIVALS)
        assert news.look(database.settings, connection) == reason
    assert (
        project_hash(database.settings.project_dir)
        in database.query("select project_hash from ops.scheduled_builds order by looked_at desc limit 1")[0]
    )


def test_nobody_waits_for_records_that_expired(database: Database) -> None:
    """Removing what is old by policy is a decision that brings nothing to build."""
    database.query(PUBLISHED)
    database.query(f"{OLD_LOAD} select 'expire load', load_id, 'a test', 'test' from load")
    with contextlib.closing(open_psycopg2(database.dsn)) as connection:
        assert not news.has_arrived(connection)
