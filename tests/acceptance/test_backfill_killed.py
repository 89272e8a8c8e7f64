"""A backfill killed -9 five times, then run again, ends as the hours do when they come live."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from headgate.synth.traps import TRAPS
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import build, contents
from tests.acceptance.tables import differences
from tests.acceptance.test_killed import kill_after
from tests.support import Database, Databases

HOURS = 20
BACKFILL = (
    *("headgate", "backfill", "ingest_gharchive", "--from", "2016-03-01T00", "--to", "2016-03-01T19"),
    *("--chunk-hours", "3", "--build-every", "10"),
)
#: Seconds after which it is killed: while it lands, while Mage starts, while dbt types or computes.
MOMENTS = ((1.2, 2.0), (1.2, 2.0), (6.0, 9.0), (9.0, 14.0), (9.0, 14.0))
HALF_LANDED = """
    select load_id from staging_gharchive.events
    where load_id not in (select load_id from ops.loads where status = 'landed')
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_killed_five_times(databases: Databases, tmp_path: Path) -> None:
    """It goes on each time, lands nothing twice, and every table is that of hours that came in three runs."""
    made = generated(tmp_path, hours_from("2016-03-01T00", HOURS), events_per_hour=150, traps=TRAPS)
    files, moments = list(made), random.Random(5)
    with databases.new() as live, databases.new() as shaken:
        shaken.env["HEADGATE_DATA"] = str(tmp_path)
        for moment in MOMENTS:
            assert kill_after(BACKFILL, shaken, moments.uniform(*moment)), "it ended before it was killed"
            assert shaken.query(HALF_LANDED) == []
        said = shaken.headgate(*BACKFILL[1:])
        assert "resumes   backfill 1 " in said.stdout
        assert finished(shaken)

        for count in (7, 14, HOURS):
            build(live, files[:count], gates=count == HOURS)
        assert differences(contents(live), contents(shaken)) == {}


def finished(database: Database) -> bool:
    """True when one backfill did it all, and no hour landed twice."""
    assert database.query("select status from ops.backfills") == [("done",)]
    assert database.query("select distinct status from ops.backfill_chunks") == [("done",)]
    loads = "select count(*) from ops.loads where status in ('landed', 'replaced')"
    return bool(database.value(loads) == HOURS)
