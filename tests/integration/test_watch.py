"""`headgate check`, sensors that wait for files, and builds that wait for each other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.landing import Message, open_appender
from headgate.pipelines import build, sensors
from headgate.pipelines.environment import settings_env
from headgate.pipelines.freshness import read_freshness
from headgate.pipelines.model_alarms import open_alarms
from headgate.pipelines.waiting import building
from headgate.postgres.connection import open_psycopg2
from headgate.status.lines import sections
from headgate.status.operations import read_operations
from tests.integration.landing_files import event
from tests.project_copy import ProjectCopy
from tests.support import Database

SOURCES = "models/staging/gharchive/_gharchive__sources.yml"


def land(database: Database, hour: datetime, landed_at: datetime) -> None:
    """A load that landed."""
    database.query(
        """
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri,
            lines_read, rows_landed, rows_rejected, status, started_at, finished_at
        ) values ('gharchive', 'events', %s, %s, '', 0, 0, 0, 'landed', %s, %s)
        """,
        *(hour, hour + timedelta(hours=1), landed_at, landed_at),
    )


@pytest.fixture
def project(database: Database, tmp_path: Path) -> ProjectCopy:
    """A copy of the project whose gharchive may be three hours old."""
    made = ProjectCopy.make(tmp_path / "project", database)
    with made.edit_yaml(SOURCES) as document:
        [events] = document["sources"][0]["tables"]
        events["config"]["freshness"] = {"error_after": {"count": 3, "period": "hour"}}
    return made


def told(output: str) -> list[str]:
    """The events that were told, by name."""
    return [json.loads(line)["event"] for line in output.splitlines() if line.startswith("{")]


def test_a_stale_source_is_told_once_and_when_it_is_fresh_again(
    project: ProjectCopy, database: Database
) -> None:
    """The first check tells it, the second does not, the one after a new load tells its end."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    land(database, now - timedelta(hours=6), datetime.now(UTC))

    first = project.headgate("check", exit_code=1)
    assert "source_stale  gharchive.events: expected data up to 3.0 h ago" in first.stdout
    assert told(first.stderr) == ["source_stale"]
    assert told(project.headgate("check", exit_code=1).stderr) == []
    status = project.headgate("status").stdout
    assert "gharchive.events, since" in status

    land(database, now - timedelta(hours=1), datetime.now(UTC))
    ended = project.headgate("check")
    assert told(ended.stderr) == ["source_stale_ended"]
    assert "Nothing is late." in ended.stdout
    assert told(project.headgate("check").stderr) == []


def test_an_open_load_is_no_newer_than_its_start(database: Database) -> None:
    """The end that it has until it is closed lies ahead; an empty one holds no data at all."""

    async def work() -> list[list[timedelta]]:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            ages = []
            for batch in ([], [Message("1", json.dumps(event(1)).encode())]):
                await appender.append(batch)
                with contextlib.closing(open_psycopg2(postgres.dsn(database.settings))) as connection:
                    found = read_freshness(database.settings, connection)
                ages.append([datetime.now(UTC) - one.newest for one in found])
            return ages

    empty, [age] = asyncio.run(work())
    assert empty == []
    assert timedelta() < age < timedelta(minutes=1)


def test_loads_that_nobody_builds_are_late(project: ProjectCopy, database: Database) -> None:
    """Four hours after landing a load should be built; a build since then is one."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    land(database, now - timedelta(hours=1), datetime.now(UTC) - timedelta(hours=4))

    late = json.loads(project.headgate("check", "--json", exit_code=1).stdout)
    assert [(one["kind"], one["subject"]) for one in late] == [("loads_waiting", "gharchive")]
    waiting = json.loads(project.headgate("status", "--json").stdout)["waiting"]
    assert [(one["source"], one["loads"]) for one in waiting] == [("gharchive", 1)]

    database.query(
        "insert into ops.built_partitions (model, source, partition_start, upstream_version, version)"
        " select 'stg_gharchive__deliveries', contract_source, partition_start,"
        " load_id::text, 'v' from ops.loads"
    )
    assert json.loads(project.headgate("check", "--json").stdout) == []


def test_status_fits_eighty_columns(database: Database) -> None:
    """Whatever it shows, no line is longer and no number is cut."""
    now = datetime.now(UTC)
    land(database, now.replace(minute=0, second=0, microsecond=0), now)
    database.query("update ops.loads set lines_read = 12345678, rows_landed = 12345678")
    operations = read_operations(database.settings, now)
    assert operations is not None

    lines = database.headgate("status").stdout.splitlines()
    assert max(map(len, (line for line in lines if not line.startswith("where")))) <= 80
    assert any("12,345,678" in line for line in lines)
    assert {"Pipelines", "Sources", "Waiting for a build"} <= sections(operations, ()).keys()


def test_a_file_is_waited_for_until_it_is_stable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file and one that grows are not there yet; one that has not changed for a while is."""
    file = tmp_path / "in" / "hour-1.jsonl"
    now, lines = 0.0, iter(range(6))

    def sleep(seconds: float) -> None:
        """Between two looks a line is written, or an empty file before the first."""
        nonlocal now
        now += seconds
        file.parent.mkdir(exist_ok=True)
        with file.open("a") as writer:
            writer.writelines(f"{number}\n" for number in itertools.islice(lines, int(now > seconds)))

    monkeypatch.setattr(sensors, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    assert sensors.wait_for_file(str(tmp_path / "*" / "hour-*.jsonl"), minutes=10, stable_seconds=12)
    assert file.read_text() == "0\n1\n2\n3\n4\n5\n"


def test_a_file_that_does_not_come_fails_the_sensor(tmp_path: Path) -> None:
    """The error tells no file from one that stays empty."""
    pattern = str(tmp_path / "hour-*.jsonl")
    with pytest.raises(HeadgateError, match="found no file"):
        sensors.wait_for_file(pattern, minutes=0, stable_seconds=0.1)
    (tmp_path / "hour-1.jsonl").touch()
    with pytest.raises(HeadgateError, match="found a file that is empty"):
        sensors.wait_for_file(pattern, minutes=0, stable_seconds=0.1)


@pytest.fixture
def as_block(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database, with the environment that blocks read their settings from."""
    for name, value in settings_env(database.settings).items():
        monkeypatch.setenv(name, value)
    return database


@pytest.mark.usefixtures("as_block")
def test_a_pipeline_that_mage_never_ran_is_not_complete() -> None:
    """Without Mage's metadata there is no run to wait for."""
    assert "MAGE_DATABASE_CONNECTION_URL" not in os.environ
    with pytest.raises(HeadgateError, match="found no run after 0 minutes"):
        sensors.wait_for_pipeline("ingest_gharchive", {}, minutes=0)


def test_a_scheduled_build_waits_for_that_of_a_backfill(as_block: Database) -> None:
    """New loads are there, and a backfill builds: the sensor returns when the backfill is done with it."""
    land(as_block, datetime(2016, 3, 1, tzinfo=UTC), datetime.now(UTC))
    with contextlib.closing(open_psycopg2(as_block.dsn)) as connection:
        connection.autocommit = True
        with building(connection):
            assert build.backfill_builds()
    assert not build.backfill_builds()
    assert build.wait_for_new_loads(minutes=1)


def test_answers_of_days_to_come_hide_no_alarm(database: Database) -> None:
    """A server's clock was ahead for a while: the newest day is still today."""
    database.query(
        """
        create schema monitoring;
        create table monitoring.model_traffic (model text, version integer, day date);
        create table monitoring.model_alarms (
            model text, version integer, day date, alarm text, subject text, sentence text
        );
        insert into monitoring.model_traffic values ('m', 1, current_date), ('m', 1, current_date + 400);
        insert into monitoring.model_alarms values
            ('m', 1, current_date, 'errors', '', 'they fail'),
            ('m', 1, current_date + 400, 'drift', 'a', 'ahead');
        insert into ops.model_versions (
            model, version, model_sha256, task, flavour, manifest, parameters, figures, gates, passed,
            environment, trained_by
        )
        values ('m', 1, '', 'binary', 'lightgbm', '{}', '{}', '{}', '[]', true, '{}', 'test');
        insert into ops.promotions (model, actor, action, version, champion, canary_share, reason, details)
        values ('m', 'test', 'deploy', 1, 1, 0, 'test', '{}')
        """
    )
    with contextlib.closing(open_psycopg2(database.dsn)) as connection:
        assert [alarm.sentence for alarm in open_alarms(connection)] == ["they fail"]
