"""Kill -9 at random moments of landing, then again: the same content as without."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.landing_files import CONTENT, as_lines, event, partitions, push, write_hour
from tests.support import ROOT, Database, Databases
from tests.wire import Wire

FILES = 4
MOMENTS = 10


def start(database: Database, files: list[Path]) -> subprocess.Popen[bytes]:
    """Starts the command with two connections."""
    command = [Path(sys.executable).with_name("headgate"), "land", "gharchive", *files, "--connections", "2"]
    return subprocess.Popen(
        command, env=database.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.mark.costly
def test_killed_at_random_moments(databases: Databases, tmp_path: Path) -> None:
    """After any number of kills one more run ends in the content of a run that was never killed."""
    files = []
    for hour in range(1, FILES + 1):
        events = [push(n, f"{n}@example.org") if n % 2 else event(n) for n in range(6000)]
        files.append(write_hour(tmp_path, as_lines(events), f"2016-01-01-{hour}.json.gz"))
    with databases.new() as calm, Wire.to(calm) as wire:
        assert start(wire.database, files).wait() == 0
        usual = wire.sent
        expected = calm.value(CONTENT)
    moments = random.Random(7)
    with databases.new() as shaken, Wire.to(shaken) as wire:
        for number in range(MOMENTS):
            # What is landed is not sent again: the first four come before the end in any case.
            wire.stop_after(int(moments.uniform(0.0, 0.25 if number < 4 else 0.9) * usual))
            lander = start(wire.database, files)
            assert wire.stopped(lander) or number >= 4
            lander.kill()
            lander.wait()
            wire.cut()
            half = shaken.query("select load_id from ops.loads where status <> 'landed'")
            assert (
                shaken.value(
                    "select count(*) from staging_gharchive.events where load_id = any(%s)",
                    [h for (h,) in half],
                )
                == 0
            )
        assert start(shaken, files).wait() == 0
        assert shaken.value(CONTENT) == expected
        assert partitions(shaken) == FILES
        statuses = dict(shaken.query("select status, count(*) from ops.loads group by status"))
        assert statuses["landed"] == FILES
        assert set(statuses) <= {"landed", "failed"}
        abandoned = shaken.query("select distinct error from ops.loads where status = 'failed'")
        assert all("abandoned" in error for (error,) in abandoned)


def test_a_landing_process_that_dies_is_a_failed_load(database: Database, tmp_path: Path) -> None:
    """When a landing process is killed, its load has failed, the others land, and the command tells."""
    slow = write_hour(tmp_path, as_lines([event(n) for n in range(60_000)]), "2016-01-01-1.json.gz")
    fast = write_hour(tmp_path, as_lines([event(1)]), "2016-01-01-2.json.gz")
    command = [
        Path(sys.executable).with_name("headgate"),
        "land",
        "gharchive",
        slow,
        fast,
        "--connections",
        "1",
    ]
    lander = subprocess.Popen(
        command, env=database.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    while not database.query("select load_id from ops.loads where status = 'running'"):
        time.sleep(0.02)
    children = Path(f"/proc/{lander.pid}/task").glob("*/children")
    workers = [int(pid) for file in children for pid in file.read_text().split()]
    assert len(workers) == 1
    os.kill(workers[0], signal.SIGKILL)
    said, _ = lander.communicate()
    assert lander.returncode == 1
    assert "the process ended with code -9" in said
    assert database.query("select record_id from staging_gharchive.events") == [("1",)]
    assert partitions(database) == 1
