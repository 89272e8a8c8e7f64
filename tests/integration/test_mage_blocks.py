"""What the blocks of `ingest_gharchive` and the alert call, without Mage."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from headgate.errors import HeadgateError
from headgate.pipelines import alerts, ingest
from headgate.pipelines.environment import settings_env
from headgate.settings import Settings, load_settings
from headgate_github.archive import GHARCHIVE
from tests.support import Database

NEWEST = datetime(2016, 1, 1, 12, tzinfo=UTC)
DUE = {"execution_date": NEWEST + timedelta(hours=1, minutes=5)}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[str]:
    """The URL of an archive that has published hours 8 and 12, and nothing else."""
    for hour in (8, 12):
        (tmp_path / f"2016-01-01-{hour}.json.gz").touch()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


@pytest.fixture
def settings(database: Database, archive: str) -> Settings:
    """Settings with the test's database and archive."""
    return replace(database.settings, archive_url=archive)


def test_scheduled_run_lands_the_last_whole_hour(settings: Settings) -> None:
    """A run that is due five minutes past one lands the hour from twelve to one."""
    assert ingest.hours_to_land(settings, GHARCHIVE, DUE) == [NEWEST]


def test_scheduled_run_lands_what_earlier_runs_missed(settings: Settings, database: Database) -> None:
    """Gaps behind the oldest hour landed in the last day are landed too, if they were ever published."""
    for hour in (7, 9):
        _record_load(database, NEWEST.replace(hour=hour))

    assert ingest.hours_to_land(settings, GHARCHIVE, DUE) == [NEWEST.replace(hour=8), NEWEST]


def test_hours_that_are_asked_for_are_the_hours_of_the_run(settings: Settings) -> None:
    """With hour_from and hour_to a run lands these, both included, and nothing else."""
    variables = {**DUE, "hour_from": "2016-01-01T01", "hour_to": "2016-01-01T03"}

    assert [hour.hour for hour in ingest.hours_to_land(settings, GHARCHIVE, variables)] == [1, 2, 3]


def test_blocks_read_the_settings_of_the_caller(settings: Settings) -> None:
    """The environment of a Mage process gives the same settings again, whatever stood there before."""
    assert load_settings(settings_env(settings)) == settings
    assert load_settings({"HEADGATE_DATA": "/elsewhere", **settings_env(settings)}) == settings


def test_failed_load_fails_the_outcome() -> None:
    """The outcome names how many loads failed, and why the first one did."""
    error = {"subject": "a file", "expected": "gzip", "found": "HTML", "next_step": "look at it"}
    loads = [{"status": "landed", "error": None}, {"status": "failed", "error": error}]

    with pytest.raises(HeadgateError, match=r"1 of 2 loads of gharchive.*a file: expected gzip; found HTML"):
        ingest.check_outcome("gharchive", {"loads": loads})


def test_outcome_counts_loads_and_rows() -> None:
    """The outcome of a good run is the number of loads by status and the sums of their counts."""
    load = {"lines_read": 5, "rows_landed": 4, "rows_rejected": 1, "rows_repaired": 2}

    outcome = ingest.check_outcome(
        "gharchive", {"loads": [{**load, "status": "landed"}, {**load, "status": "replaced"}]}
    )

    assert outcome == {
        "source": "gharchive",
        "loads": 2,
        "landed": 1,
        "replaced": 1,
        "lines_read": 10,
        "rows_landed": 8,
        "rows_rejected": 2,
        "rows_repaired": 4,
        "error": None,
    }


def test_alert_that_cannot_be_sent_is_a_log_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A webhook that does not answer hides neither the failure nor its own; its URL is not printed."""
    url = "http://127.0.0.1:9/a-secret-path"  # the discard port: nothing listens there
    monkeypatch.setenv("HEADGATE_ALERT_WEBHOOK_URL", url)

    alerts.alert(pipeline="build_features", block="build/models", error=ValueError("what happened"))

    printed = capsys.readouterr().out
    assert "what happened" in printed
    assert "alert_not_sent" in printed
    assert "a-secret-path" not in printed


def _record_load(database: Database, hour: datetime) -> None:
    database.query(
        """
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri,
            lines_read, rows_landed, rows_rejected, status, started_at
        ) values ('gharchive', 'events', %s, %s, '', 0, 0, 0, 'landed', now())
        """,
        hour,
        hour + timedelta(hours=1),
    )
