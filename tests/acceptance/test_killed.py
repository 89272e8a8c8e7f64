"""Kill -9 at ten random moments of landing and of building, then again: the tables of a run left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from headgate.synth.traps import TRAPS
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import WITHOUT_GATES, build, contents
from tests.acceptance.tables import differences
from tests.support import ROOT, Database, Databases

HOURS, KILLS = 18, 10
HALF_LANDED = """
    select load_id from staging_gharchive.events
    where load_id not in (select load_id from ops.loads where status = 'landed')
"""


def land(files: Sequence[Path]) -> list[str | Path]:
    """The command that lands files on two connections."""
    return ["headgate", "land", "gharchive", *files, "--connections", "2"]


def kill_after(command: Sequence[str | Path], database: Database, seconds: float) -> bool:
    """Starts a command and kills it with all its children after a while; True when it was still at work."""
    program = Path(sys.executable).with_name(str(command[0]))
    running = subprocess.Popen(
        [program, *command[1:]],
        env=database.env,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    return False


def timed(database: Database, files: Sequence[Path]) -> dict[str, float]:
    """How many seconds landing and building take when nobody disturbs them."""
    began = time.monotonic()
    database.headgate(*land(files)[1:])
    landed = time.monotonic()
    database.dbt(*WITHOUT_GATES)
    return {"landing": landed - began, "building": time.monotonic() - landed}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_killed_at_ten_random_moments(databases: Databases, tmp_path: Path) -> None:
    """Whatever was killed at its work, one more run ends in the same tables, and all gates pass."""
    files = list(generated(tmp_path, hours_from("2016-03-01T04", HOURS), events_per_hour=150, traps=TRAPS))
    moments = random.Random(9)
    with databases.new() as calm, databases.new() as shaken:
        for database in (calm, shaken):
            build(database, files[:1])
        usual = timed(calm, files[1:2])
        build(calm, files)
        expected = contents(calm)
        kills, number = {"landing": 0, "building": 0}, 1
        while sum(kills.values()) < KILLS:
            number += 1
            assert number < HOURS, f"only {kills} of {KILLS} came before the end"
            if moments.random() < 0.4:
                what, command = "landing", land(files)
            else:
                shaken.headgate(*land(files[:number])[1:])
                what, command = "building", shaken.dbt_command(*WITHOUT_GATES)
            # Before that programs only start.
            seconds = moments.uniform(0.4, 0.95) * usual[what]
            if kill_after(command, shaken, seconds):
                kills[what] += 1
            else:
                usual[what] *= 0.8
            assert shaken.query(HALF_LANDED) == []
        build(shaken, files, gates=True)
        assert differences(expected, contents(shaken)) == {}
        assert min(kills.values()) >= 2
