"""Locks that a reader of the database cannot take, and what is said while somebody waits for one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from headgate.backfill import state
from headgate.pipelines.waiting import building, is_building
from headgate.postgres.connection import open_psycopg2
from headgate.postgres.locks import TAKE, hold_psycopg2, is_held, landing_lock
from tests.integration.landing_files import as_lines, event, write_hour
from tests.support import Database
from tests.toy_store import built_store

#: What the locks were called when any role could compute their numbers.
KEYS = (
    "hashtext('headgate feature store')",
    "hashtextextended('headgate land gharchive events 2016-01-01T01:00:00+00:00', 0)",
    "hashtextextended('headgate build', 0)",
    "hashtextextended('headgate builds stg_gharchive__deliveries', 0)",
)


@pytest.fixture
def reader(database: Database) -> Iterator[psycopg2.extensions.connection]:
    """A session that may read everything and write nothing."""
    with contextlib.closing(psycopg2.connect(database.dsn)) as session, session.cursor() as cursor:
        name = f"reader_{cursor.connection.info.dbname}"
        cursor.execute(f"drop role if exists {name}; create role {name}; grant pg_read_all_data to {name}")
        session.commit()
        cursor.execute(f"set session authorization {name}")
        session.commit()
        yield session
        session.rollback()
        cursor.execute(f"reset session authorization; drop role {name}")
        session.commit()


def held(database: Database, name: str) -> psycopg2.extensions.connection:
    """A session of the owner's that holds a lock in its transaction."""
    session = psycopg2.connect(database.dsn, application_name="a test")
    session.cursor().execute(TAKE.format("%s"), (name,))
    return session


def test_a_reader_stops_nobody(
    database: Database, reader: psycopg2.extensions.connection, tmp_path: Path
) -> None:
    """Neither by numbers that it can compute, nor by locking the table of locks as far as it may."""
    store = built_store(database)
    with reader.cursor() as cursor:
        for key in KEYS:
            cursor.execute(f"select pg_advisory_lock({key})")
        cursor.execute("lock table ops.locks in access share mode")
        with ThreadPoolExecutor(1) as pool:
            published = pool.submit(store.publish).result(timeout=60)
        assert published is not None
        file = write_hour(tmp_path, as_lines([event(1)]))
        assert "landed" in database.headgate("land", "gharchive", file).stdout


@pytest.mark.parametrize(
    "statement",
    [
        TAKE.format("'the feature store'"),
        "select from ops.locks for update",
        "select from ops.locks for key share",
        "lock table ops.locks in exclusive mode",
        "lock table ops.locks in row share mode",
        "delete from ops.locks",
    ],
)
def test_a_reader_takes_no_lock(reader: psycopg2.extensions.connection, statement: str) -> None:
    """Whatever it tries: locks are rows that only who writes to ops can lock."""
    with reader.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


def test_a_publisher_says_for_whom_it_waits(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, after a second, with process, role and program; then it publishes."""
    store = built_store(database)
    with contextlib.closing(held(database, "the feature store")) as holder:
        pid = holder.info.backend_pid
        release = threading.Timer(2.5, holder.rollback)
        release.start()
        assert store.publish() is not None
        release.join()
    said = [line for line in capsys.readouterr().err.splitlines() if "waiting for" in line]
    assert len(said) == 1
    assert f"waiting for the feature store, held by process {pid} (" in said[0]
    assert ", a test, since " in said[0]


def test_a_lander_says_for_whom_it_waits(database: Database, tmp_path: Path) -> None:
    """As whoever decides on the partition does; and it lands when that is over."""
    file = write_hour(tmp_path, as_lines([event(1)]))
    name = landing_lock("gharchive", "events", "2016-01-01T01:00:00+00:00")
    with contextlib.closing(held(database, name)) as holder:
        release = threading.Timer(6, holder.rollback)
        release.start()
        landed = database.headgate("land", "gharchive", file)
        release.join()
    assert f"waiting for {name}, held by process" in landed.stderr
    assert "landed" in landed.stdout


def test_what_a_session_holds_ends_with_it(database: Database) -> None:
    """A lock is seen by others while its session lives, and nobody gets it before it ends."""
    with contextlib.closing(open_psycopg2(database.dsn)) as connection:
        connection.autocommit = True
        assert not is_building(connection)
        with building(connection):
            assert is_building(connection)
        assert not is_building(connection)
        session = hold_psycopg2(connection, "backfill 7")
        assert is_held(connection, "backfill 7")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            hold_psycopg2(connection, "backfill 7", seconds=0.1)
        database.query(f"select pg_terminate_backend({session.info.backend_pid}, 5000)")
        assert not is_held(connection, "backfill 7")
        assert state.unfinished(connection) == []
