"""Decisions on loads: what they refuse, what follows for landing and publishing, the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg2
import pytest

from headgate.decisions import loads as discarding
from headgate.errors import HeadgateError, UsageError
from headgate.landing import LoadResult, land_files
from headgate.postgres import schema
from headgate.postgres.working import with_connection
from headgate.sources import get_source
from headgate.sources.base import delivery_at
from tests.integration.landing_files import as_lines, event, write_hour
from tests.small_store import first_release
from tests.support import Database

T = TypeVar("T")
HOUR = datetime(2016, 1, 1, 1, tzinfo=UTC)


def decide(database: Database, verb: discarding.Verb, load_id: int) -> bool:
    """Discards or restores a load; whether anything was to be done."""
    return with_connection(
        database.settings, lambda connection: discarding.carry_out(connection, verb, load_id, "a test")
    )


def land(database: Database, folder: Path, events: int) -> LoadResult:
    """Lands an hour of so many events."""
    file = write_hour(folder, as_lines([event(number) for number in range(events)]))
    delivery = delivery_at(get_source("gharchive"), str(file), None)
    [result] = land_files(database.settings, "gharchive", [delivery], connections=1)
    return result


@pytest.mark.costly
def test_discarded_bytes_do_not_land_again(database: Database, tmp_path: Path) -> None:
    """The same file is left alone; another one lands beside it, and then stands in the way of a restore."""
    first = land(database, tmp_path, 5)
    assert first.load_id is not None
    assert decide(database, "discard", first.load_id)
    assert not decide(database, "discard", first.load_id)
    again = land(database, tmp_path, 5)
    assert (again.status, again.load_id) == ("discarded", first.load_id)

    other = land(database, tmp_path, 6)
    assert other.status == "landed"
    assert database.query("select load_id, count(*) from staging_gharchive.events group by 1 order by 1") == [
        (first.load_id, 5),
        (other.load_id, 6),
    ]
    assert land(database, tmp_path, 5).status == "discarded"
    with pytest.raises(UsageError, match=f"headgate loads discard {other.load_id}"):
        decide(database, "restore", first.load_id)
    assert other.load_id is not None
    decide(database, "discard", other.load_id)
    assert decide(database, "restore", first.load_id)
    assert land(database, tmp_path, 5).status == "unchanged"
    current = "select load_id from ops.current_loads"
    assert database.query(current) == [(first.load_id,)]


@pytest.mark.parametrize("status", ["running", "open", "replaced", "failed"])
def test_only_what_landed_is_discarded(database: Database, status: str) -> None:
    """Anything else is refused by name, and nothing is noted."""
    load = database.value(
        "insert into ops.loads (source, entity, partition_start, partition_end, uri, status, appended,"
        " lines_read, rows_landed, rows_rejected)"
        " values ('gharchive', 'events', %s, %s + interval '1 hour', 'x', %s, %s, 0, 0, 0) returning load_id",
        HOUR,
        HOUR,
        status,
        status == "open",
    )
    for verb in ("discard", "restore"):
        with pytest.raises(UsageError, match=f"one that is {status}"):
            decide(database, verb, load)  # type: ignore[arg-type]
    assert database.value("select count(*) from ops.decisions") == 0


def test_nothing_is_published_before_the_build_that_empties(database: Database) -> None:
    """A view that still holds the rows of a discarded load is older than its data; restored, it is not."""
    store = first_release(database)
    publish = ("publish",)
    decide(database, "discard", 1)
    assert "older than its data" in database.headgate(*publish, exit_code=1).stderr
    decide(database, "restore", 1)
    assert "Nothing to publish" in database.headgate(*publish).stdout
    assert store.database is database


def test_the_log_takes_no_change(database: Database, tmp_path: Path) -> None:
    """Neither updates, nor deletes, nor a truncate."""
    load = land(database, tmp_path, 1).load_id
    assert load is not None
    decide(database, "discard", load)
    for change in (
        "update ops.decisions set reason = 'x'",
        "delete from ops.decisions",
        "truncate ops.decisions cascade",
    ):
        with pytest.raises(psycopg2.errors.RaiseException, match="audit log"):
            database.query(change)


def test_the_way_back_counts_no_hour_twice(database: Database) -> None:
    """Of discarded loads that share time the newest lands again, and none beside one that landed."""
    database.query("""
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri, status,
            lines_read, rows_landed, rows_rejected
        )
        select
            'gharchive', 'events', begins::timestamptz, ends::timestamptz, 'file:///x', status,
            1, 1, 0
        from (values
            ('2016-01-01T01:00Z', '2016-01-01T02:00Z', 'discarded'),
            ('2016-01-01T01:00Z', '2016-01-01T04:00Z', 'discarded'),
            ('2016-01-01T05:00Z', '2016-01-01T08:00Z', 'discarded'),
            ('2016-01-01T06:00Z', '2016-01-01T07:00Z', 'landed'),
            ('2016-01-01T08:00Z', '2016-01-01T09:00Z', 'discarded')
        ) as hours (begins, ends, status)
    """)
    schema.migrate(database.dsn, "0011")
    found = [status for (status,) in database.query("select status from ops.loads order by load_id")]
    assert found == ["replaced", "landed", "replaced", "landed", "landed"]


def test_the_way_back_and_forth(database: Database, tmp_path: Path) -> None:
    """A version without decisions knows the load as landed; on the way forth partitions learn their load."""
    load = land(database, tmp_path, 3).load_id
    assert load is not None
    decide(database, "discard", load)
    schema.migrate(database.dsn, "0011")
    assert database.query("select status from ops.loads") == [("landed",)]
    database.query(
        "insert into ops.built_partitions (model, partition_start, upstream_version, version)"
        " values ('stg_gharchive__quarantine', %s, %s, 'a'), ('some_view', %s, 'stg_gharchive__x:a', 'b')",
        HOUR,
        str(load),
        HOUR,
    )
    schema.migrate(database.dsn, "head")
    assert database.query("select distinct load_id from ops.built_partitions") == [(load,)]
    with pytest.raises(HeadgateError, match="no such load"):
        decide(database, "discard", load + 100)
