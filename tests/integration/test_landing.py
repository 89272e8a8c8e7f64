"""Landing against real servers: what lands, what is refused, what stays when things go wrong."""

from __future__ import annotations

import contextlib
import gzip
import hmac
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from headgate.landing import LoadResult, land_files
from headgate.sources import Delivery, Partition
from tests.integration.landing_files import CONTENT, HOUR, as_lines, event, partitions, push, write_hour
from tests.servers import wait_until
from tests.support import PII_KEY, ROOT, Database
from tests.unit.test_screen import REJECTED, TAKEN

REAL = ROOT.parent / "shared" / "data"
GOOD = as_lines([event(number) for number in range(50)])


#: How a line is stored.
STORED = "line, stored_as, line_bytes, line_hmac"


def dropped(line: bytes) -> tuple[None, str, int, str]:
    """How a line is stored that may hold personal data where no path finds it."""
    digest = hmac.digest(PII_KEY.encode(), line, "sha256").hex()[:32]
    return None, "dropped", len(line), f"hmac:{digest}"


def land(database: Database, *files: Path, connections: int = 1) -> list[LoadResult]:
    """Lands files through the Python API."""
    return land_files(database.settings, "gharchive", files, connections=connections)


def test_a_file_lands_once(database: Database, tmp_path: Path) -> None:
    """The same content, even packed anew, is landed once and then left alone."""
    file = write_hour(tmp_path, GOOD)
    (first,) = land(database, file)
    assert (first.status, first.lines_read, first.rows_landed) == ("landed", 50, 50)
    before = database.query("select * from ops.loads"), database.value(CONTENT)
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1))
    (second,) = land(database, file)
    assert (second.status, second.load_id, second.rows_landed) == ("unchanged", first.load_id, 50)
    assert (database.query("select * from ops.loads"), database.value(CONTENT)) == before


def test_rows_hold_the_envelope_and_the_whole_record(database: Database, tmp_path: Path) -> None:
    """Each line is a row with its number, identity, kind, time in UTC and the record itself."""
    record = event(7, created_at="2012/04/11 15:01:33 -0700")
    (result,) = land(database, write_hour(tmp_path, as_lines([event(1), record])))
    row = database.query("select * from staging_gharchive.events where line_number = 2")[0]
    moment = datetime(2012, 4, 11, 22, 1, 33, tzinfo=UTC)
    assert row == (result.load_id, 2, "7", "WatchEvent", moment, record)


def test_other_content_replaces_the_partition(database: Database, tmp_path: Path) -> None:
    """A changed delivery takes the place of the old one; the ledger keeps both."""
    land(database, write_hour(tmp_path, as_lines([push(n, "first@example.org") for n in range(9)])))
    (result,) = land(
        database, write_hour(tmp_path, as_lines([push(n, "second@example.org") for n in range(8)]))
    )
    assert (result.status, result.rows_landed) == ("replaced", 8)
    assert database.query("select status, rows_landed from ops.loads order by load_id") == [
        ("replaced", 9),
        ("landed", 8),
    ]
    assert database.query("select count(*), min(load_id) from staging_gharchive.events") == [
        (8, result.load_id)
    ]
    assert partitions(database) == 1


def test_two_deliveries_of_one_hour_land_in_order(database: Database, tmp_path: Path) -> None:
    """Given twice in one call, the later delivery wins, however many connections there are."""
    files = [write_hour(tmp_path / str(n), as_lines([event(n)])) for n in range(4)]
    results = land(database, *files, connections=4)
    assert [result.status for result in results] == ["landed", "replaced", "replaced", "replaced"]
    assert database.query("select record_id from staging_gharchive.events") == [("3",)]


def test_poison_becomes_rejects_and_the_rest_lands(database: Database, tmp_path: Path) -> None:
    """Bad lines are kept with their reasons; lines that PostgreSQL takes land; all lines are counted."""
    lines = [*GOOD, *REJECTED.values(), *TAKEN.values(), *GOOD, b'{"id":"z","s":"a\\u0000b"}']
    (result,) = land(database, write_hour(tmp_path, lines))
    assert result.status == "landed"
    assert (result.lines_read, result.rows_rejected, result.rows_repaired) == (len(lines), len(REJECTED), 1)
    kept = {row[0]: row[1:] for row in database.query(f"select reason, {STORED} from ops.rejects")}
    assert kept == {reason: dropped(line) for reason, line in REJECTED.items()}
    assert database.query(f"select {STORED} from ops.repairs") == [dropped(lines[-1])]
    assert database.value("select record ->> 's' from staging_gharchive.events where record_id = 'z'") == "ab"
    numbers = "select line_number from staging_gharchive.events union all select line_number from ops.rejects"
    assert sorted(row[0] for row in database.query(numbers)) == list(range(1, len(lines) + 1))


def test_what_only_postgresql_refuses_is_found(database: Database, tmp_path: Path) -> None:
    """Rows that pass the screen and fail in COPY become rejects; all the others land."""
    tiny = b'{"id":"tiny","n":1e-20000}'
    deep = b'{"id":"deep","n":' + b"[" * 45_000 + b"]" * 45_000 + b"}"
    lines = [*GOOD, tiny, *GOOD, deep, deep, *GOOD]
    (result,) = land(database, write_hour(tmp_path, lines))
    assert (result.status, result.rows_landed, result.rows_rejected) == ("landed", 150, 3)
    rejects = database.query("select line_number, reason, line from ops.rejects order by line_number")
    assert [(number, reason, line and bytes(line)) for number, reason, line in rejects] == [
        (51, "number out of range", None),
        (102, "nesting too deep", deep),
        (103, "nesting too deep", deep),
    ]


BROKEN = {
    "an empty file": b"",
    "a gzip file of nothing": gzip.compress(b""),
    "ends early": gzip.compress(b"\n".join(GOOD))[:-20],
    "damaged": gzip.compress(b"\n".join(GOOD))[:100] + b"\0" * 200,
    "an HTML": b"<!DOCTYPE html><html></html>",
    "not gzip": GOOD[0],
    "an HTML or XML page": gzip.compress(b"\n <html></html>"),
}


@pytest.mark.parametrize("found", BROKEN)
def test_a_broken_file_fails_whole_and_alone(database: Database, tmp_path: Path, found: str) -> None:
    """A broken file lands nothing and says why; the other files land, and what was landed before stays."""
    good = write_hour(tmp_path, GOOD)
    land(database, good)
    before = database.value(CONTENT)
    broken = tmp_path / "broken" / HOUR
    broken.parent.mkdir()
    broken.write_bytes(BROKEN[found])
    other = write_hour(tmp_path, GOOD[:3], "2016-01-01-2.json.gz")
    failed, landed = land(database, broken, other)
    assert (failed.status, landed.status) == ("failed", "landed")
    assert failed.error is not None
    assert found in failed.error["found"]
    assert found in database.value("select error from ops.loads where status = 'failed'")
    land(database, write_hour(tmp_path, GOOD[:0] + GOOD, "2016-01-01-1.json.gz"))
    assert database.value(CONTENT + " where partition_start = '2016-01-01 01:00Z'") == before
    assert partitions(database) == 2


def test_plain_json_lines_land(database: Database, tmp_path: Path) -> None:
    """A file that is not packed lands, with or without a newline at its end."""
    file = tmp_path / "2016-01-01-1.json"
    file.write_bytes(b"\n".join(GOOD))
    assert land(database, file)[0].rows_landed == 50


def test_overlapping_partitions_are_refused(database: Database, tmp_path: Path) -> None:
    """A day does not land over one of its hours, nor an hour inside a landed day."""
    hour = write_hour(tmp_path, GOOD)
    day = write_hour(tmp_path, GOOD, "2016-01-01.json.gz")
    assert land(database, hour)[0].status == "landed"
    (refused,) = land(database, day)
    assert refused.error is not None
    assert "2016-01-01T01/2016-01-01T02 landed" in refused.error["found"]
    assert partitions(database) == 1


def test_simultaneous_landers_of_one_hour(database: Database, tmp_path: Path) -> None:
    """Landers that start together land the hour once."""
    file = write_hour(tmp_path, GOOD * 40)
    results: list[LoadResult] = []
    threads = [threading.Thread(target=lambda: results.extend(land(database, file))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.status for result in results) == ["landed", "unchanged", "unchanged", "unchanged"]


def test_a_reader_delays_a_replacement_and_loses_nothing(database: Database, tmp_path: Path) -> None:
    """Replacing waits for an open transaction that reads the landing table, and then goes through."""
    land(database, write_hour(tmp_path, GOOD))
    with contextlib.closing(psycopg2.connect(database.dsn)) as reader, reader.cursor() as cursor:
        cursor.execute("select count(*) from staging_gharchive.events")
        results: list[LoadResult] = []
        file = write_hour(tmp_path, GOOD[:9])
        lander = threading.Thread(target=lambda: results.extend(land(database, file)))
        lander.start()
        # It waits, gives way, and waits again.
        for state in (True, False, True):
            wait_until(lambda: waits_for_a_lock(database) is state, f"waiting: {state}")  # noqa: B023
        assert lander.is_alive()
        # Nobody is locked out while the replacement waits.
        assert database.value("select count(*) from staging_gharchive.events") == 50
        reader.rollback()
        lander.join()
    assert results[0].status == "replaced"
    assert database.value("select count(*) from staging_gharchive.events") == 9


def waits_for_a_lock(database: Database) -> bool:
    """Whether any session of the database does."""
    waiting = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    return bool(database.value(waiting))


def test_the_command_lands_and_reports(database: Database, tmp_path: Path) -> None:
    """The table has a line per load; --json has the same for programs; a failure makes exit code 1."""
    write_hour(tmp_path, GOOD)
    write_hour(tmp_path, GOOD[:5], "2016-01-01-2.json.gz")
    shown = database.headgate(
        "land", "gharchive", "--from", "2016-01-01T01", "--to", "2016-01-01T02", HEADGATE_DATA=str(tmp_path)
    )
    assert "2016-01-01T01  landed" in shown.stdout
    assert "2 partitions: 2 from files" in shown.stderr
    broken = tmp_path / "2016-01-01-3.json.gz"
    broken.write_bytes(b"")
    done = database.headgate("land", "gharchive", "--json", tmp_path / HOUR, broken, exit_code=1)
    unchanged, failed = json.loads(done.stdout)
    assert (unchanged["status"], unchanged["rows_landed"], failed["status"]) == ("unchanged", 50, "failed")
    assert failed["error"]["found"] == "an empty file"
    shown = database.headgate("land", "gharchive", broken, exit_code=1)
    assert "an empty file" in shown.stdout


def test_wrong_usage_is_told(database: Database, tmp_path: Path) -> None:
    """A name that says no partition needs --partition; files and hours exclude each other."""
    odd = write_hour(tmp_path, GOOD, "2026-05-slim.json.gz")
    assert "--partition" in database.headgate("land", "gharchive", odd, exit_code=2).stderr
    database.headgate("land", "gharchive", odd, "--from", "2016-01-01T01", exit_code=2)
    database.headgate("land", "gharchive", exit_code=2)
    database.headgate("land", "nowhere", odd, exit_code=2)
    database.headgate("land", "gharchive", odd, "--partition", "2026-05-01/2026-06-01")
    (extent,) = database.query("select partition_start, partition_end from ops.loads")
    assert extent == (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))


def test_replay_forgets_partitions_with_quarantined_rows(database: Database) -> None:
    """Only partitions of the source with quarantined rows are typed again, by its own models only."""
    database.query("create schema typed")
    assert "nothing to do" in database.headgate("replay", "gharchive").stdout
    database.query(
        "create table typed.stg_gharchive__quarantine (partition_start timestamptz, line_number int)"
    )
    database.query(
        "insert into typed.stg_gharchive__quarantine"
        " select start, generate_series(1, 2)"
        " from unnest(array['2016-01-01 01:00Z', '2016-01-01 02:59:59Z']::timestamptz[]) as start"
    )
    database.query("""
        insert into ops.loads (source, contract_source, entity, partition_start, partition_end, uri, status,
            appended, lines_read, rows_landed, rows_rejected)
        values
            ('gharchive', 'gharchive', 'events', '2016-01-01 01:00Z', '2016-01-01 02:00Z', '', 'landed',
                false, 2, 2, 0),
            ('github_webhooks', 'gharchive', 'deliveries', '2016-01-01 02:59:59Z', '2016-01-01 03:20Z', '',
                'landed', true, 2, 2, 0)
    """)
    database.query("""
        insert into ops.built_partitions (model, source, partition_start, upstream_version, version)
        select model, split_part(model, '_', 2), moment, '1', '1'
        from unnest(array['stg_gharchive__events', 'stg_gharchive__pushes', 'stg_other__events']) as model,
            unnest(array['2016-01-01 01:00Z', '2016-01-01 02:00Z', '2016-01-01 02:59:59Z']::timestamptz[])
                as moment
    """)
    assert (
        json.loads(database.headgate("replay", "gharchive", "--from", "2016-01-01T04", "--json").stdout) == []
    )
    assert "nothing to do" in database.headgate("replay", "github_events").stdout
    said = database.headgate("replay", "github_webhooks", "--from", "2016-01-01T03").stdout
    assert said.startswith("2016-01-01T02:59Z  2 quarantined rows, 2 models")
    said = database.headgate("replay", "gharchive", "--from", "2016-01-01T01", "--to", "2016-01-01T01").stdout
    assert "2 quarantined rows, 2 models" in said
    assert database.value("select count(*) from ops.built_partitions") == 5


def test_a_partition_can_be_given_with_the_file(database: Database, tmp_path: Path) -> None:
    """Callers name the partition themselves where a file's name does not."""
    file = write_hour(tmp_path, GOOD, "whatever.jsonl.gz")
    extent = Partition(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    (result,) = land_files(
        database.settings, "gharchive", [Delivery("gharchive", "events", extent, str(file))]
    )
    assert result.status == "landed"


@pytest.mark.real_data
def test_real_hours_and_samples_land(database: Database) -> None:
    """Real hours and the samples of all generations land completely, hour 1 with its one repair."""
    if not REAL.is_dir():
        pytest.skip("no shared data here")
    hours = [REAL / "gharchive" / f"2016-01-01-{hour}.json.gz" for hour in (1, 2, 3)]
    samples = sorted((REAL / "gharchive_samples").glob("????-10-15.json.gz"))
    results = land(database, *hours, *samples, connections=2)
    assert [result.rows_landed for result in results] == [12698, 12134, 11954] + [1200] * len(samples)
    assert sum(result.rows_rejected for result in results) == 0
    assert [result.rows_repaired for result in results[:3]] == [1, 0, 0]
    assert database.value("select count(*) from staging_gharchive.events where recorded_at is null") == 0
