"""A backfill killed -9 five times, then run again, ends as the hours do when they come live."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate_github.synth.traps import TRAPS
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import build, contents
from tests.acceptance.tables import differences
from tests.acceptance.test_killed import kill, start
from tests.servers import wait_until
from tests.support import Database, Databases

HOURS = 20
BACKFILL = (
    *("headgate", "backfill", "ingest_gharchive", "--from", "2016-03-01T00", "--to", "2016-03-01T19"),
    *("--chunk-hours", "3", "--build-every", "10"),
)
LANDED = "select count(*) >= {} from ops.loads where status = 'landed'"
BUILT = "select count(*) >= {} from ops.built_partitions where model = '{}'"
#: When it is killed: while it lands, when dbt has begun, when the first model is typed, when one is computed.
MOMENTS = (
    LANDED.format(2),
    LANDED.format(6),
    "select count(*) > 0 from ops.dbt_runs",
    BUILT.format(1, "stg_gharchive__deliveries"),
    BUILT.format(1, "int_activity__summed_by_hour"),
)
HALF_LANDED = """
    select load_id from staging_gharchive.events
    where load_id not in (select load_id from ops.loads where status = 'landed')
"""


@pytest.mark.slow
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_killed_five_times(databases: Databases, tmp_path: Path) -> None:
    """It goes on each time, lands nothing twice, and every table is that of hours that came in three runs."""
    made = generated(tmp_path, hours_from("2016-03-01T00", HOURS), events_per_hour=150, traps=TRAPS)
    files = list(made)
    with databases.new() as live, databases.new() as shaken:
        shaken.env["HEADGATE_DATA"] = str(tmp_path)
        for has_come in MOMENTS:
            kill_when(has_come, shaken)
            assert shaken.query(HALF_LANDED) == []
        said = shaken.headgate(*BACKFILL[1:])
        assert "resumes   backfill 1 " in said.stdout
        assert finished(shaken)

        for count in (7, 14, HOURS):
            build(live, files[:count], gates=count == HOURS)
        assert differences(contents(live), contents(shaken)) == {}


def kill_when(has_come: str, database: Database) -> None:
    """Starts the backfill, and kills it as soon as a query says true."""
    running = start(BACKFILL, database)
    wait_until(lambda: database.value(has_come) or running.poll() is not None, has_come, 600)
    assert running.poll() is None, "it ended before it was killed"
    kill(running)


def finished(database: Database) -> bool:
    """True when one backfill did it all, and no hour landed twice."""
    assert database.query("select status from ops.backfills") == [("done",)]
    assert database.query("select distinct status from ops.backfill_chunks") == [("done",)]
    loads = "select count(*) from ops.loads where status in ('landed', 'replaced')"
    return bool(database.value(loads) == HOURS)
