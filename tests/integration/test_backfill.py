"""`headgate backfill`: what is planned, refused, resumed, repeated."""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headgate.backfill import state
from headgate.backfill.pipelines import FORGET, get_pipeline
from headgate.backfill.plan import Range
from headgate.pipelines.waiting import query
from headgate.postgres.connection import open_psycopg2
from tests.acceptance.hours import generated, hours_from
from tests.support import ROOT, Database

FIRST, HOURS = "2016-03-01T00", 6
RANGE = ("--from", FIRST, "--to", "2016-03-01T05")
LANDING = ("backfill", "ingest_gharchive", *RANGE, "--chunk-hours", "2", "--no-build")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Six hours of 40 events."""
    return list(generated(tmp_path / "hours", hours_from(FIRST, HOURS), events_per_hour=40))


@pytest.fixture
def nothing_published(tmp_path: Path) -> Iterator[str]:
    """The URL of an archive that has published nothing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(empty))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


@pytest.fixture
def archive(database: Database, files: list[Path], nothing_published: str) -> Database:
    """The database, with an archive that holds the files and nothing else."""
    database.env["HEADGATE_DATA"] = str(files[0].parent)
    database.env["HEADGATE_ARCHIVE_URL"] = nothing_published
    return database


def chunks(database: Database) -> list[tuple[Any, ...]]:
    """Status and attempts of each chunk of the newest backfill."""
    return database.query(
        "select status, attempts from ops.backfill_chunks"
        " where backfill_id = (select max(backfill_id) from ops.backfills) order by position"
    )


def landed(database: Database) -> int:
    """How many hours are landed."""
    count: int = database.value("select count(*) from ops.loads where status = 'landed'")
    return count


@pytest.mark.costly
def test_lands_what_is_left_and_says_so(archive: Database, files: list[Path]) -> None:
    """Landed hours are left alone, the others land, a report is written; a second run has nothing to do."""
    archive.headgate("land", "gharchive", *files[:3])

    plan = json.loads(archive.headgate(*LANDING, "--plan", "--json").stdout)
    assert (plan["hours"], plan["hours_landed"], plan["hours_left"]) == (6, 3, 3)
    assert [(chunk["from"][11:13], chunk["to"][11:13]) for chunk in plan["chunks"]] == [
        ("02", "03"),
        ("04", "05"),
    ]
    assert landed(archive) == 3

    said = archive.headgate(*LANDING)
    assert "3 landed already, 3 not landed" in said.stdout
    assert "replaces  nothing" in said.stdout
    assert "land 4 of 4 h, nothing left" in said.stderr
    report = Path(said.stdout.rsplit("report: ", maxsplit=1)[-1].strip()).read_text()
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        "## Plan",
        "## Design",
        "## Changes",
        "## Verification",
        "## Rollback",
    ]
    assert archive.value("select count(*) from ops.loads") == 6
    assert "left      nothing" in archive.headgate(*LANDING).stdout
    assert archive.value("select count(*) from ops.backfills") == 1


@pytest.mark.costly
def test_a_failed_chunk_is_run_again_and_no_other(archive: Database, files: list[Path]) -> None:
    """An hour that is not gzip fails its chunk; the rest lands; the next run does that chunk alone."""
    good = files[4].read_bytes()
    files[4].write_bytes(b"<html>not now</html>")

    said = archive.headgate(*LANDING, exit_code=1)
    assert "1 of 2 hours" in said.stdout
    assert "not now" not in said.stdout + said.stderr
    assert landed(archive) == 5
    assert chunks(archive) == [("done", 1), ("done", 1), ("failed", 1)]

    files[4].write_bytes(good)
    said = archive.headgate(*LANDING)
    assert "resumes   backfill 1" in said.stdout
    assert landed(archive) == 6
    assert chunks(archive) == [("done", 1), ("done", 1), ("done", 2)]
    assert archive.value("select status from ops.backfills") == "done"


@pytest.mark.costly
def test_an_hour_that_was_never_published_is_told_and_no_failure(
    archive: Database, files: list[Path]
) -> None:
    """It is counted, and the backfill is done without it."""
    files[1].unlink()

    done = json.loads(archive.headgate(*LANDING, "--json").stdout)

    assert done["counts"] == {"landed": 5, "never published": 1, "rows": 200}
    assert done["failures"] == []


@contextlib.contextmanager
def somebody_at_work(database: Database, asked: Range) -> Iterator[int]:
    """A session that works at a backfill of a range; its number."""
    pipeline = get_pipeline("ingest_gharchive")
    options = pipeline.default_options(build=False, again=False)
    with contextlib.closing(open_psycopg2(database.dsn)) as connection:
        connection.autocommit = True
        survey = pipeline.survey(database.settings, connection, asked, again=False)
        cut = pipeline.cut(survey, options)
        claim = state.Claim.take(connection, pipeline.name, asked, options, cut, None)
        with contextlib.closing(claim.session):
            yield claim.backfill_id


@pytest.mark.costly
def test_the_second_of_two_at_once_is_refused(archive: Database) -> None:
    """While one works, a range that shares an hour is refused with its number; one beside it is not."""
    with somebody_at_work(archive, Range.parse("2016-03-01T02", "2016-03-01T03")) as number:
        refused = archive.headgate(*LANDING, exit_code=1)
        assert f"backfill {number}, 2016-03-01T02 to 2016-03-01T03, 0 of 1 chunks done" in refused.stderr
        assert landed(archive) == 0
        assert f"{number}  ingest_gharchive" in archive.headgate("status").stdout

        archive.headgate("backfill", "ingest_gharchive", "--from", FIRST, "--to", FIRST, "--no-build")
        assert landed(archive) == 1
    assert "interrupted: 0 of 1 chunks done" in archive.headgate("status").stdout
    archive.headgate(*LANDING)
    assert landed(archive) == 6


def test_beside_a_live_run_nothing_lands_twice(archive: Database, files: list[Path]) -> None:
    """A live run lands the same hours at the same time: each hour is landed once, by either."""
    program = Path(sys.executable).with_name("headgate")
    with subprocess.Popen([program, "land", "gharchive", *files], env=archive.env, cwd=ROOT) as live:
        done = json.loads(archive.headgate(*LANDING, "--again", "--yes", "--json").stdout)

    assert (live.returncode, done["failures"]) == (0, [])
    assert archive.query("select status, count(*), sum(rows_landed) from ops.loads group by status") == [
        ("landed", HOURS, HOURS * 40)
    ]


def test_ctrl_c_stops_it_and_the_next_one_goes_on(archive: Database, files: list[Path]) -> None:
    """It ends soon, with what it started; the hours that are left land with the same command."""
    many = generated(files[0].parent, hours_from(FIRST, 24), events_per_hour=400)
    command = ("backfill", "ingest_gharchive", "--from", FIRST, "--to", "2016-03-01T23", "--no-build")
    program = Path(sys.executable).with_name("headgate")
    with subprocess.Popen(
        [program, *command, "--parallel", "1"], env=archive.env, cwd=ROOT, stderr=subprocess.PIPE
    ) as running:
        while not landed(archive):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)

    assert (running.returncode, b"stopped" in said) == (130, True)
    assert 0 < landed(archive) < len(many)
    assert "resumes   backfill 1" in archive.headgate(*command).stdout
    assert landed(archive) == len(many)


def test_landing_again_replaces_what_differs_once_confirmed(archive: Database, files: list[Path]) -> None:
    """Without --yes the plan says what would be replaced and nothing is; with it, only other content is."""
    archive.headgate(*LANDING)
    [(other, _)] = generated(files[0].parent, hours_from("2016-03-01T03", 1), events_per_hour=50).items()
    assert other == files[3]

    refused = archive.headgate(*LANDING, "--again", exit_code=4)
    assert "6 landed hours" in refused.stdout
    assert archive.value("select count(*) from ops.loads") == 6

    done = json.loads(archive.headgate(*LANDING, "--again", "--yes", "--json").stdout)
    assert (done["counts"]["unchanged"], done["counts"]["replaced"]) == (5, 1)
    assert archive.value("select sum(rows_landed) from ops.loads where status = 'landed'") == 5 * 40 + 50


def test_what_cannot_be_backfilled_is_wrong_usage(database: Database) -> None:
    """Another pipeline, an end before the start."""
    database.headgate("backfill", "watch_freshness", *RANGE, exit_code=2)
    database.headgate("backfill", "ingest_gharchive", "--from", FIRST, "--to", "2016-02-01T00", exit_code=2)


def test_building_again_takes_every_load_of_the_range(database: Database) -> None:
    """Also appended ones, which fill no hour, and one that reaches into the range; of every source."""
    loads = {
        "gharchive": [("00:00", "01:00"), ("08:00", "09:00")],
        "github_events": [("02:20:00.1", "02:40"), ("06:00:00.1", "06:30")],
        "github_webhooks": [("03:50:00.1", "04:10")],
        "shop": [("02:30", "03:30")],
    }
    for source, extents in loads.items():
        for start, end in extents:
            add_built_load(database, source, start, end)
    asked = Range.parse("2016-03-01T00", "2016-03-01T07")
    asked_late = Range.parse("2016-03-01T04", "2016-03-01T07")

    with contextlib.closing(open_psycopg2(database.dsn)) as connection, connection:
        pipeline = get_pipeline("build_features")
        found = pipeline.survey(database.settings, connection, asked, again=False)
        late = pipeline.survey(database.settings, connection, asked_late, again=False)
        query(connection, FORGET, vars(asked_late))

    assert [hour.hour for hour in sorted(found.landed)] == [0, 2, 3, 4, 6]
    assert found.replaces[0].startswith("5 typed partitions in 2 staging models")
    assert [hour.hour for hour in sorted(late.landed)] == [4, 6]
    left = "select model, to_char(partition_start at time zone 'UTC', 'HH24:MI') from ops.built_partitions"
    assert sorted(database.query(left + " where model like 'stg%'")) == [
        ("stg_gharchive__events", "00:00"),
        ("stg_gharchive__events", "02:20"),
        ("stg_gharchive__events", "08:00"),
        ("stg_shop__orders", "02:30"),
    ]


def add_built_load(database: Database, source: str, start: str, end: str) -> None:
    """A load that landed and was typed."""
    day = "2016-03-01T{}Z"
    database.query(
        """
        insert into ops.loads (
            source, contract_source, entity, partition_start, partition_end, uri, appended,
            lines_read, rows_landed, rows_rejected, status, finished_at
        ) values (%s, %s, 'events', %s, %s, '', %s, 1, 1, 0, 'landed', now())
        """,
        *(source, "shop" if source == "shop" else "gharchive"),
        *(day.format(start), day.format(end), source != "gharchive"),
    )
    model = "stg_shop__orders" if source == "shop" else "stg_gharchive__events"
    database.query(
        "insert into ops.built_partitions (model, source, partition_start, upstream_version, version)"
        " values (%s, %s, %s, '1', '1')",
        *(model, model.split("_")[1], day.format(start)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_lands_and_builds_then_builds_a_range_again(archive: Database) -> None:
    """Landing ends in a release; building again types the range's hours anew and changes no feature."""
    # Pays for its start once: builds are what takes time here.
    archive.headgate("backfill", "ingest_gharchive", *RANGE)
    assert archive.value("select max(release_id) from feature_store.active_release") == 1
    versions = archive.query(TYPED)

    again = ("backfill", "build_features", "--from", FIRST, "--to", "2016-03-01T01")
    refused = archive.headgate(*again, exit_code=4)
    assert "2 typed partitions" in refused.stdout
    done = json.loads(archive.headgate(*again, "--yes", "--json").stdout)

    assert done["failures"] == []
    assert done["release_after"] in (1, 2)
    changed = [before != after for before, after in zip(versions, archive.query(TYPED), strict=True)]
    assert changed == [True, True, False, False, False, False]
    # Rows that were written again hold what they held: nothing to publish but the loads.
    assert archive.value("select count(*) from ops.release_views where rows_changed > 0") == 0
    assert (
        archive.value("select count(*) from ops.release_views where release_id > 1 and rows_added > 0") == 0
    )


TYPED = """
    select partition_start, version from ops.built_partitions
    where model = 'stg_gharchive__deliveries' order by partition_start
"""
