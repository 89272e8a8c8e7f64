"""Kill -9 at ten random moments of landing and of building, then again: the tables of a run left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from headgate_github.synth.traps import TRAPS
from tests import forked, parsed
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import WITHOUT_GATES, build, contents
from tests.acceptance.tables import differences
from tests.programs import program
from tests.support import ROOT, Database, Databases
from tests.wire import Wire

HOURS, KILLS = 18, 10
HALF_LANDED = """
    select load_id from staging_gharchive.events
    where load_id not in (select load_id from ops.loads where status = 'landed')
"""


def land(files: Sequence[Path]) -> list[str | Path]:
    """The command that lands files on two connections."""
    return ["headgate", "land", "gharchive", *files, "--connections", "2"]


def start(command: Sequence[str | Path], database: Database) -> subprocess.Popen[bytes]:
    """Starts a command in a process group of its own, which only dbt is alone in."""
    begin = forked.Forked if command[0] == "dbt" else subprocess.Popen
    parsed.hand_on_for(str(command[1]), database.settings.home, ROOT, database.env)
    return begin(
        [program(str(command[0])), *command[1:]],
        env=database.env,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(running: subprocess.Popen[bytes]) -> None:
    """Kills a command with all its children."""
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def usual(wire: Wire, files: Sequence[Path]) -> dict[str, int]:
    """How many bytes landing and building send when nobody disturbs them."""
    sent = {}
    for what, command in (("landing", land(files)), ("building", build_command(wire))):
        wire.measure()
        assert start(command, wire.database).wait() == 0
        sent[what] = wire.sent
    return sent


def build_command(wire: Wire) -> list[str | Path]:
    """The command that builds by way of the wire."""
    return wire.database.dbt_command(*WITHOUT_GATES)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["system"], indirect=True)
def test_killed_at_ten_random_moments(databases: Databases, tmp_path: Path) -> None:
    """Whatever was killed at its work, one more run ends in the same tables, and all gates pass."""
    files = list(generated(tmp_path, hours_from("2016-03-01T04", HOURS), events_per_hour=150, traps=TRAPS))
    moments = random.Random(9)
    with (
        databases.new() as calm,
        databases.new() as shaken,
        Wire.to(calm) as measured,
        Wire.to(shaken) as wire,
    ):
        for database in (calm, shaken):
            build(database, files[:1])
        usually = usual(measured, files[1:2])
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
                what, command = "building", build_command(wire)
            wire.stop_after(int(moments.uniform(0.05, 0.95) * usually[what]), whole=moments.random() < 0.5)
            running = start(command, wire.database)
            if wire.stopped(running):
                kills[what] += 1
                kill(running)
            wire.cut()
            assert shaken.query(HALF_LANDED) == []
        build(shaken, files, gates=True)
        assert differences(expected, contents(shaken)) == {}
        assert min(kills.values()) >= 2
