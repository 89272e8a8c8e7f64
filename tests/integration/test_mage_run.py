"""`headgate run`: pipelines to their end without the scheduler, and what a failed gate says."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.servers import wait_until
from tests.support import ROOT, Database, Databases

# One server is enough: what runs in the database is tested on both elsewhere. The embedded one listens on a
# socket only, which is the harder case for Mage and dbt.
pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True)]

GATE = "gharchive_records_are_accounted_for"
HOURS = ("--from", "2016-01-01T01", "--to", "2016-01-01T02")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """Two generated hours of the archive."""
    folder = tmp_path_factory.mktemp("archive")
    with databases.new() as database:
        database.headgate("synth", *HOURS, "--events-per-hour", "300", "--out", folder)
    return folder


@pytest.fixture(scope="module")
def built(databases: Databases, archive: Path) -> Iterator[tuple[Database, str]]:
    """A database after both pipelines ran, and what the command printed."""
    with databases.new() as database:
        command = ("run", "ingest_gharchive", "build_features", *HOURS)
        done = database.headgate(*command, HEADGATE_DATA=str(archive))
        yield database, done.stdout + done.stderr


@pytest.fixture(scope="module")
def broken(databases: Databases, archive: Path) -> Iterator[Database]:
    """A database with both hours landed, whose ledger claims a row more than was landed for one of them."""
    with databases.new() as database:
        database.headgate("land", "gharchive", *HOURS, HEADGATE_DATA=str(archive))
        database.query("""
            update ops.loads set rows_landed = rows_landed + 1, lines_read = lines_read + 1
            where load_id = (select min(load_id) from ops.loads)
        """)
        yield database


def test_pipelines_land_and_build(built: tuple[Database, str]) -> None:
    """Both pipelines in one command land every line and fill the feature views."""
    database, output = built

    assert database.query("select status, lines_read = rows_landed + rows_rejected from ops.loads") == [
        ("landed", True),
        ("landed", True),
    ]
    assert database.value("select count(*) from features.repository_activity") > 0
    assert database.value("select release_id from feature_store.active_release") == 1
    assert database.value("select count(*) from ops.gate_results where status not in ('pass', 'warn')") == 0
    assert "landed 2" in output


def test_output_is_a_line_for_each_block(built: tuple[Database, str]) -> None:
    """The terminal shows one line for each block; Mage's and dbt's chatter goes to a log file."""
    database, output = built

    verdicts = [line.split()[:2] for line in output.splitlines() if line.startswith("  ok")]

    assert verdicts == [
        ["ok", block]
        for block in (
            "gharchive/hour_published",
            "gharchive/land_hours",
            "gharchive/check_outcome",
            "build/new_loads",
            "build/models",
            "build/publish_release",
        )
    ]
    assert "dbt=1.10" not in output
    assert "Running with dbt=1.10" in _log(database)


@pytest.mark.costly
def test_a_build_with_nothing_new_is_left_out(built: tuple[Database, str]) -> None:
    """Dbt is not even started, and the next block has nothing to publish; until something is decided."""
    database, _ = built
    runs = "select count(*) from ops.dbt_runs"
    before = database.value(runs)

    again = database.headgate("run", "build_features")

    said = again.stdout + again.stderr
    assert "not due  build/models" in said
    assert "not due  build/publish_release" in said
    assert database.value(runs) == before
    assert "nothing new: no load, decision or file" in _log(database, "build_features")
    database.headgate("loads", "discard", "1", "--reason", "a trial", "--yes")
    assert "ok      build/models" in database.headgate("run", "build_features").stderr
    assert database.value("select release_id from feature_store.active_release") == 2


@pytest.mark.costly
def test_failed_gate_stops_the_run_and_says_where(broken: Database) -> None:
    """A failed gate: exit code 3, a message that names all, and nothing downstream is built."""
    failed = broken.headgate("run", "build_features", exit_code=3)

    for part in (
        f"gate {GATE} on stg_gharchive__load_outcomes failed for 1 row",
        f"gate_failures.{GATE}",
        f"headgate gates show {GATE}",
        "nothing downstream was built",
    ):
        assert part in " ".join(failed.stderr.split())
    assert broken.value("select to_regclass('features.repository_activity')") is None


@pytest.mark.costly
def test_failing_rows_can_be_seen(broken: Database) -> None:
    """`headgate gates` lists the failed gate, and `show` its rows, for people and as JSON."""
    if not broken.value("select exists (select from ops.gate_results)"):
        broken.headgate("run", "build_features", exit_code=3)

    shown = json.loads(broken.headgate("gates", "show", GATE, "--json").stdout)
    listed = json.loads(broken.headgate("gates", "--json").stdout)

    assert (shown["result"]["failures"], len(shown["rows"])) == (1, 1)
    assert [result["gate"] for result in listed if result["status"] == "fail"] == [GATE]
    assert "rows_landed" in broken.headgate("gates", "show", GATE).stdout


@pytest.mark.costly
def test_mage_run_gives_the_same_message(broken: Database) -> None:
    """Mage's own `mage run` ends with the gate, the model, the rows and the command, not with `None`."""
    command = ["mage_pipelines", "build_features", "--runtime-vars", json.dumps({"wait_minutes": 0})]

    done = subprocess.run(
        [Path(sys.executable).with_name("mage"), "run", *command],
        env={**broken.env, "MAGE_DATA_DIR": str(broken.folder / "mage")},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    error = " ".join((done.stdout + done.stderr).rpartition("Exception:")[2].split())
    assert done.returncode == 1
    assert error.startswith(f"Database Error Gate {GATE} on stg_gharchive__load_outcomes failed: 1 row")
    assert f"headgate gates show {GATE}" in error
    assert "nodes downstream were not built" in error
    assert "in operation headgate-on-run-end" not in done.stdout + done.stderr


def test_unpublished_hour_fails_with_exit_code_1(database: Database) -> None:
    """An hour that nobody published is an error that names it; nothing is landed."""
    command = ("run", "ingest_gharchive", "--from", "2016-01-01T05")
    empty = partial(http.server.SimpleHTTPRequestHandler, directory=str(database.folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), empty) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_port}"
        failed = database.headgate(*command, exit_code=1, HEADGATE_ARCHIVE_URL=url)
        web.shutdown()

    assert "hour 2016-01-01T05 of gharchive" in failed.stderr
    assert database.value("select count(*) from ops.loads") == 0


def test_unknown_pipeline_is_wrong_usage(database: Database) -> None:
    """The name of a pipeline that does not exist gives exit code 2 and the names that do."""
    said = database.headgate("run", "nonsense", exit_code=2).stderr
    assert "build_features, " in said
    assert ", ingest_gharchive, " in said


def test_hours_for_a_pipeline_that_lands_none_are_wrong_usage(database: Database) -> None:
    """Hours given to a pipeline that takes none are refused, not ignored."""
    assert "lands no hours" in database.headgate("run", "build_features", *HOURS, exit_code=2).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_goes_on_after_the_command_is_stopped(database: Database, number: signal.Signals) -> None:
    """However `headgate run` ends, the process that it started ends with it."""
    command = subprocess.Popen(
        [Path(sys.executable).with_name("headgate"), "run", "build_features", "--wait", "5"],
        env=database.env,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    child = _wait_for_child(command.pid)

    os.kill(command.pid, number)

    command.wait(30)
    _, alive = psutil.wait_procs([child], timeout=30)
    assert not alive


def _wait_for_child(pid: int) -> psutil.Process:
    """The child, once a thread of it watches its parent."""
    command = psutil.Process(pid)
    wait_until(lambda: any(child.num_threads() > 1 for child in command.children()), "a child that watches")
    [child] = command.children()
    return child


def _log(database: Database, first: str = "ingest_gharchive") -> str:
    """What runs printed whose first pipeline it was."""
    return "".join(path.read_text() for path in (database.settings.home / "logs").glob(f"{first}-*.log"))
