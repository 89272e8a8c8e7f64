"""After downtime Mage's scheduler makes one run of each trigger, not one for each that was missed."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg2
import pytest

from headgate.errors import HeadgateError
from headgate.pipelines import sensors
from headgate.pipelines.environment import metadata_url, settings_env
from headgate.pipelines.triggers import read_triggers
from headgate.settings import load_settings
from tests.integration.test_mage_scheduler import Archive
from tests.mage_server import Mage, serving
from tests.support import Database, Databases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
]

INGEST = "ingest_gharchive"
HOUR = timedelta(hours=1)
#: Hours that Mage was down.
DOWN = 4


def metadata(database: Database, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Runs a statement in Mage's own database."""
    dsn = metadata_url(database.settings).replace("postgresql+psycopg2", "postgresql")
    with (
        contextlib.closing(psycopg2.connect(dsn)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, arguments or None)
        return cursor.fetchall() if cursor.description else []


def landed(database: Database) -> list[datetime]:
    """The hours that are landed."""
    found = database.query("select partition_start from ops.loads where status = 'landed' order by 1")
    return [hour for (hour,) in found]


@pytest.fixture(scope="module")
def alerts() -> list[dict[str, Any]]:
    """What the webhook got."""
    return []


@pytest.fixture(scope="module")
def database(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, alerts: list[dict[str, Any]]
) -> Iterator[Database]:
    """A database whose only load is of six hours ago, and an archive with all hours since."""
    folder = tmp_path_factory.mktemp("archive")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    handler = partial(Archive, directory=str(folder), alerts=alerts)
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(databases.new())
        span = (f"{now - 7 * HOUR:%Y-%m-%dT%H}", f"{now + HOUR:%Y-%m-%dT%H}")
        made.headgate("synth", "--from", span[0], "--to", span[1], "--events-per-hour", "60", "--out", folder)
        web = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=web.serve_forever, daemon=True).start()
        stack.callback(web.shutdown)
        made.env["HEADGATE_ARCHIVE_URL"] = f"http://127.0.0.1:{web.server_port}"
        made.env["HEADGATE_ALERT_WEBHOOK_URL"] = f"http://127.0.0.1:{web.server_port}/alerts"
        first = now - 6 * HOUR
        made.headgate("land", "gharchive", folder / f"{first:%Y-%m-%d}-{first.hour}.json.gz")
        yield made


@pytest.fixture(scope="module")
def first_run(database: Database) -> dict[str, Any]:
    """The first run of the ingest trigger, by a Mage that has stopped since."""
    began = datetime.now(UTC)
    with serving(database) as mage:
        run = mage.finished(INGEST)
        assert len(mage.runs(INGEST)) == _ticks_since(began)
    return run


def test_a_first_start_makes_one_run_that_lands_what_is_missing(
    database: Database, first_run: dict[str, Any]
) -> None:
    """Months of ticks since the trigger's start_time are one run; it lands every hour since the last load."""
    assert first_run["status"] == "completed"
    hours = landed(database)
    assert len(hours) >= 5
    assert hours == [hours[0] + number * HOUR for number in range(len(hours))]


@pytest.mark.usefixtures("first_run")
def test_status_and_sensor_see_the_run(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read Mage's metadata: last and next run; an upstream run that is complete, and one that is not."""
    pipelines = json.loads(database.headgate("status", "--json").stdout)["pipelines"]
    [ingest] = [one for one in pipelines if one["pipeline"] == INGEST]
    due = datetime.fromisoformat(ingest["last_run"]["due"])
    assert ingest["last_run"]["status"] == "completed"
    assert ingest["last_run"]["seconds"] > 0
    assert (due.minute, datetime.fromisoformat(ingest["next_due"]).minute) == (5, 5)

    for name, value in settings_env(database.settings).items():
        monkeypatch.setenv(name, value)
    after = {"execution_date": due + timedelta(minutes=1)}
    assert sensors.wait_for_pipeline(INGEST, after, minutes=0)
    with pytest.raises(HeadgateError, match="found no run after 0 minutes"):
        sensors.wait_for_pipeline(INGEST, {"execution_date": due - HOUR}, minutes=0)
    metadata(database, "update pipeline_run set status = 'FAILED' where pipeline_uuid = %s", INGEST)
    with pytest.raises(HeadgateError, match="found a failed one"):
        sensors.wait_for_pipeline(INGEST, after, minutes=5)
    metadata(database, "update pipeline_run set status = 'COMPLETED' where pipeline_uuid = %s", INGEST)


@pytest.mark.usefixtures("first_run")
def test_downtime_is_told_once_and_ends_with_one_run(
    database: Database, alerts: list[dict[str, Any]]
) -> None:
    """Four hours later: the late run is one alert; Mage's next start makes one run, which ends it."""
    metadata(database, f"update pipeline_run set execution_date = execution_date - interval '{DOWN} hours'")
    metadata(database, f"update pipeline_schedule set created_at = created_at - interval '{DOWN + 1} hours'")
    hours = landed(database)
    database.query("update ops.loads set status = 'replaced' where partition_start > %s", hours[-DOWN])
    for _ in range(2):
        said = database.headgate("check", exit_code=1).stdout
        assert f"run_late  {INGEST}, trigger hourly: expected a run due" in said
    of_ingest = [alert for alert in alerts if alert.get("subject", "").startswith(INGEST)]
    assert [alert["event"] for alert in of_ingest] == ["run_late"]

    [(known,)] = metadata(database, "select max(id) from pipeline_run")
    began = datetime.now(UTC)
    with serving(database) as mage:
        new = _newer_run(mage, known)
        assert mage.finished(INGEST, new)["status"] == "completed"
        assert sum(int(run["id"]) > known for run in mage.runs(INGEST)) == _ticks_since(began)

    assert landed(database)[: len(hours)] == hours
    database.headgate("run", "watch_freshness")
    of_ingest = [alert for alert in alerts if alert.get("subject", "").startswith(INGEST)]
    assert [alert["event"] for alert in of_ingest] == ["run_late", "run_late_ended"]


def _ticks_since(began: datetime) -> int:
    """How many runs are due for a Mage that began then: one for all that was missed, and those since."""
    [trigger] = read_triggers(load_settings({}))[INGEST]
    due, count = trigger.next_due(began), 1
    while due is not None and due <= datetime.now(UTC):
        due, count = trigger.next_due(due), count + 1
    return count


def _newer_run(mage: Mage, known: int) -> int:
    """The first run after that of a number."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := [int(run["id"]) for run in mage.runs(INGEST) if int(run["id"]) > known]:
            return min(found)
        time.sleep(2)
    raise AssertionError("no run")
