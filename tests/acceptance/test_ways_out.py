"""A scaffolded source whose builds stop: what commands decide gets them going, is kept, and can be undone."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.acceptance.tables import Fingerprint, fingerprint
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.servers import wait_until
from tests.support import Database

pytestmark = [
    pytest.mark.parametrize("server", ["system"], indirect=True),
    pytest.mark.slow,
]

GATE = "orders_quarantine_stays_small"
REASON = ("--reason", "a test")


def orders(first: int, count: int, broken: int = 0) -> list[dict[str, Any]]:
    """Orders of which the first `broken` have a text where the contract wants a number."""
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        {
            "order_id": f"o-{first + number}",
            "ordered_at": f"{begin + timedelta(minutes=first + number):%Y-%m-%dT%H:%M:%SZ}",
            "amount": "much" if number < broken else 100 + number,
            "status": "paid" if number % 3 else "open",
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def shop(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a source `orders` whose first load is sound and built."""
    project = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    shutil.copyfile(project.folder / "profiles.example.yml", project.folder / "profiles.yml")
    sample = write_lines(project.folder / "orders_1.jsonl", orders(0, 60))
    project.headgate("new", "source", "orders", "--sample", sample)
    project.headgate("land", "orders", sample)
    build(project)
    return project


def build(project: ProjectCopy, exit_code: int = 0, *, without: str = "test_type:unit") -> str:
    """Builds the source with its gates; what dbt says."""
    return project.run(
        *("dbt", "build", "--exclude", "test_type:unit", without, "--profiles-dir", "."),
        *("--indirect-selection", "buildable", "--select", "+path:models/staging/orders"),
        exit_code=exit_code,
    ).stdout


def land(project: ProjectCopy, name: str, records: list[dict[str, Any]]) -> int:
    """Lands a file of its own; the load."""
    project.headgate("land", "orders", write_lines(project.folder / f"{name}.jsonl", records))
    number: int = project.database.value(
        "select max(load_id) from ops.loads where status in ('landed', 'open')"
    )
    return number


def outcome(project: ProjectCopy, load: int) -> tuple[int, ...]:
    """Landed, typed, quarantined, duplicates, accepted, discarded of a load."""
    return project.database.query(
        "select rows_landed, typed_count, quarantined_count, duplicates_count, accepted_count,"
        " discarded_count"
        " from typed.stg_orders__load_outcomes where load_id = %s",
        load,
    )[0]


def typed(project: ProjectCopy) -> dict[str, Fingerprint]:
    """What the models of the source hold."""
    tables = ("stg_orders__deliveries", "stg_orders__quarantine", "stg_orders__records")
    return {table: fingerprint(project.database, f"select * from typed.{table}") for table in tables}


def decided(project: ProjectCopy) -> list[tuple[str, str]]:
    """Every decision: what and why."""
    return project.database.query("select action, reason from ops.decisions order by decision_id")


def test_a_quarantined_load_is_accepted_waived_and_discarded(shop: ProjectCopy) -> None:
    """The quarantine gate stops; acceptance, waiver and discard each get past it, and each is undone."""
    sound = typed(shop)
    bad = land(shop, "orders_2", orders(100, 60, broken=6))
    said = build(shop, exit_code=1)
    assert f"headgate gates show {GATE}" in said
    assert f"headgate gates waive {GATE} --load {bad}" in said
    assert f"headgate loads discard {bad}" in said
    shown = shop.headgate("gates", "show", GATE).stdout
    assert f"headgate quarantine list orders --load {bad}" in shown
    listed = json.loads(shop.headgate("quarantine", "list", "orders", "--json").stdout)
    assert [(one["load_id"], one["records"], one["state"]) for one in listed] == [(bad, 6, "open")]
    assert json.loads(shop.headgate("quarantine", "list", "--json").stdout) == listed
    assert f"{bad}  orders " in shop.headgate("quarantine", "list").stdout

    accept = ("quarantine", "accept", "--load", str(bad), *REASON)
    refused = shop.headgate(*accept, exit_code=4)
    assert "6 of 6 records" in refused.stdout
    assert f"headgate quarantine reopen --load {bad}" in refused.stdout
    assert "--yes" in refused.stderr
    assert decided(shop) == []
    shop.headgate(*accept, "--yes")
    assert "nothing to do" in shop.headgate(*accept, "--yes").stdout
    assert [action for action, _ in decided(shop)] == ["accept records"]
    build(shop)
    assert outcome(shop, bad) == (60, 54, 6, 0, 6, 0)
    accepted = typed(shop)

    shop.headgate("quarantine", "reopen", "--load", str(bad), *REASON, "--yes")
    build(shop, exit_code=1)
    shop.headgate("quarantine", "discard", "--load", str(bad), *REASON, "--yes")
    build(shop)
    assert outcome(shop, bad) == (60, 54, 0, 0, 0, 6)
    assert typed(shop) == accepted

    shop.headgate("quarantine", "reopen", "--load", str(bad), *REASON, "--yes")
    waive = ("gates", "waive", GATE, "--load", str(bad), *REASON)
    assert "Of the rows it kept 1 are of this load" in shop.headgate(*waive, exit_code=4).stdout
    shop.headgate(*waive, "--yes")
    shop.headgate(*waive, "--yes")
    build(shop)
    gate = next(one for one in json.loads(shop.headgate("gates", "--json").stdout) if one["gate"] == GATE)
    assert (gate["status"], gate["waived_loads"]) == ("pass", [bad])
    assert f"waived for load {bad}" in shop.headgate("gates").stdout
    assert f"{GATE} for load {bad}" in shop.headgate("status").stdout

    worse = land(shop, "orders_3", orders(200, 60, broken=8))
    assert f"--load {worse}" in build(shop, exit_code=1)
    assert f"{GATE}, since" in shop.headgate("status").stdout
    assert f"gate_failed  {GATE}: expected no failing rows" in shop.headgate("check", exit_code=1).stdout
    assert f"rows of load {worse}" in shop.headgate(*waive, exit_code=2).stderr
    shop.headgate("loads", "discard", str(worse), *REASON, "--yes")
    build(shop)
    assert outcome(shop, worse) == (60, 0, 0, 0, 0, 60)
    assert typed(shop) == accepted

    shop.headgate("gates", "unwaive", GATE, "--load", str(bad), *REASON, "--yes")
    build(shop, exit_code=1)
    shop.headgate("loads", "discard", str(bad), *REASON, "--yes")
    build(shop)
    assert typed(shop) == sound
    shop.headgate("loads", "restore", str(bad), *REASON, "--yes")
    assert "one that no build has seen" in shop.headgate(*accept, exit_code=2).stderr
    build(shop, exit_code=1)
    shop.headgate(*accept, "--yes")
    build(shop)
    assert typed(shop) == accepted
    assert {reason for _, reason in decided(shop)} == {"a test"}
    with pytest.raises(psycopg2.errors.RaiseException, match="audit log"):
        shop.database.query("delete from ops.decisions")


def test_a_discarded_record_stays_out_under_a_later_contract(shop: ProjectCopy) -> None:
    """The contract asks for no amount now: what was accepted is typed, what was discarded is not."""
    records = orders(300, 40)
    for record in records[:2]:
        del record["amount"]
    load = land(shop, "orders_4", records)
    build(shop)
    shop.headgate("quarantine", "discard", "--load", str(load), "--line", "1", *REASON, "--yes")
    shop.headgate("quarantine", "accept", "--load", str(load), "--line", "2", *REASON, "--yes")
    contract = "models/staging/orders/_orders__sources.yml"
    with shop.edit_yaml(contract) as document:
        declared = document["sources"][0]["tables"][0]["config"]["meta"]["contract"]
        declared["version"] += 1
        for path in declared["paths"]:
            path["required"] = path.get("required") and path["path"] != "amount"
    shop.headgate("replay", "orders")
    build(shop, without="orders_records_amount_is_given")
    assert outcome(shop, load) == (40, 39, 0, 0, 0, 1)
    kept = shop.database.query(
        "select line_number, reasons from typed.stg_orders__quarantine where partition_start ="
        " (select partition_start from ops.loads where load_id = %s)",
        load,
    )
    assert [line for line, _ in kept] == [1]


def test_killed_midway(shop: ProjectCopy) -> None:
    """A command that is killed while it waits for a lock has changed nothing; run again, it does it whole."""
    load = land(shop, "orders_5", orders(400, 60, broken=8))
    build(shop, exit_code=1)
    before = decided(shop)
    commands = (
        ("loads", "discard", str(load)),
        ("gates", "waive", GATE, "--load", str(load)),
    )
    for command in commands:
        with contextlib.closing(psycopg2.connect(shop.database.dsn)) as blocker:
            # What follows the change of the state cannot be written: the command waits in its transaction.
            blocker.cursor().execute("lock table ops.decisions in exclusive mode")
            process = subprocess.Popen(
                [Path(sys.executable).with_name("headgate"), *command, *REASON, "--yes"],
                env=shop.database.env,
                cwd=shop.folder,
                stdout=subprocess.DEVNULL,
            )
            wait_for_lock(shop.database)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert decided(shop) == before
        assert shop.database.value("select status from ops.loads where load_id = %s", load) == "landed"
        assert shop.database.query("select from ops.gate_waivers where load_id = %s", load) == []
    for command in reversed(commands):
        shop.headgate(*command, *REASON, "--yes")
    assert shop.database.value("select status from ops.loads where load_id = %s", load) == "discarded"
    assert shop.database.value("select count(*) from ops.gate_waivers where load_id = %s", load) == 1


def wait_for_lock(database: Database) -> None:
    """Returns when a session waits for the table of decisions."""
    waiting = (
        "select count(*) from pg_locks where relation = 'ops.decisions'::regclass and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    wait_until(lambda: database.value(waiting), "a session that waits for the decisions")
