"""Odd hours of the archive: accepted, waived or discarded; what comes anew is stopped again."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest

from headgate_github.synth import generate_hour
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import WITH_GATES, build
from tests.acceptance.tables import accounts
from tests.support import Database

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]

HOURS = hours_from("2016-03-01T04", 7)
VOLUME = "assert_volume_is_in_line_with_the_recent_past"
QUARANTINE = "assert_quarantine_stays_small"
CONTRACT = "gharchive_keeps_its_contract"
REASON = ("--reason", "a test")


@pytest.fixture(scope="module")
def built(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Three hours that passed all gates, published."""
    build(module_database, generated(tmp_path_factory.mktemp("hours"), HOURS[:3]), gates=True)
    module_database.headgate("publish")
    return module_database


def land(database: Database, folder: Path, hour: datetime, content: bytes) -> int:
    """Lands an hour with the given content; its load."""
    file = folder / f"{hour:%Y-%m-%d-}{hour.hour}.json.gz"
    file.write_bytes(content)
    database.headgate("land", "gharchive", file)
    number: int = database.value(
        "select load_id from ops.loads where partition_start = %s and status = 'landed'", hour
    )
    return number


def test_a_small_hour_is_waived_and_the_next_one_stops(built: Database, tmp_path: Path) -> None:
    """The volume gate passes for that load alone; the release says so; without it nothing is proven."""
    load = land(built, tmp_path, HOURS[3], generate_hour(HOURS[3], events_per_hour=8, seed=11).content)
    said = built.dbt(*WITH_GATES, exit_code=1).stdout
    assert f"headgate gates waive {VOLUME} --load {load}" in said
    waive = ("gates", "waive", VOLUME, "--load", str(load), *REASON)
    built.headgate(*waive, exit_code=4)
    built.headgate(*waive, "--yes")
    built.dbt(*WITH_GATES)
    published = built.headgate("publish").stdout
    sentence = f"Waived: gate {VOLUME} for load {load} (gharchive {HOURS[3]:%Y-%m-%dT%H:%M}): a test"
    assert sentence in published
    assert sentence in built.headgate("releases", "show", "2").stdout

    other = land(built, tmp_path, HOURS[4], generate_hour(HOURS[4], events_per_hour=8, seed=11).content)
    built.dbt(*WITH_GATES, exit_code=1)
    built.headgate("loads", "discard", str(other), *REASON, "--yes")
    built.headgate("gates", "unwaive", VOLUME, "--load", str(load), *REASON, "--yes")
    assert "older than its data" in built.headgate("publish", exit_code=1).stderr
    said = built.dbt(*WITH_GATES, exit_code=1).stdout
    assert f"--load {load}" in said
    built.headgate(*waive, "--yes")
    built.dbt(*WITH_GATES)
    built.headgate("publish")
    built.headgate("gates", "unwaive", VOLUME, "--load", str(load), *REASON, "--yes")
    assert "no proof for" in built.headgate("publish", exit_code=3).stderr
    built.headgate(*waive, "--yes")


def test_an_hour_that_breaks_the_contract_whole(built: Database, tmp_path: Path) -> None:
    """Events of another day: all quarantined. Accepted, the hours behind it go on; none of it is typed."""
    wrong = generate_hour(HOURS[1].replace(year=2015), events_per_hour=300, seed=12).content
    load = land(built, tmp_path, HOURS[5], wrong)
    said = built.dbt(*WITH_GATES, exit_code=1).stdout
    assert QUARANTINE in said
    [group, *_] = json.loads(
        built.headgate("quarantine", "list", "gharchive", "--load", str(load), "--json").stdout
    )
    assert "created_at: outside the partition that delivered it" in group["reasons"]
    built.headgate("quarantine", "accept", "--load", str(load), *REASON, "--yes")
    built.dbt(*WITH_GATES)
    account = next(one for one in accounts(built) if one.partition_start == HOURS[5])
    assert account.balances
    assert (account.typed, account.quarantined) == (0, account.landed)
    built.headgate("publish")


def test_an_hour_of_another_shape(built: Database, tmp_path: Path) -> None:
    """Actors without ids: the contract's gate stops before anything is typed, and is waived for that load."""
    lines = gzip.decompress(generate_hour(HOURS[6], events_per_hour=300, seed=11).content).splitlines()
    changed = []
    for line in lines:
        record = json.loads(line)
        record["actor"] = {"login": "somebody"}
        changed.append(json.dumps(record).encode())
    load = land(built, tmp_path, HOURS[6], gzip.compress(b"\n".join(changed) + b"\n"))
    said = built.dbt(*WITH_GATES, exit_code=1).stdout
    assert f"headgate gates waive {CONTRACT} --load {load}" in said
    built.headgate("gates", "waive", CONTRACT, "--load", str(load), *REASON, "--yes")
    assert f"Gate {QUARANTINE}" in built.dbt(*WITH_GATES, exit_code=1).stdout
    built.headgate("quarantine", "discard", "--load", str(load), *REASON, "--yes")
    built.dbt(*WITH_GATES)
    outcome = built.query(
        "select rows_landed, typed_count, quarantined_count, discarded_count"
        " from typed.stg_gharchive__load_outcomes where load_id = %s",
        load,
    )[0]
    assert outcome == (300, 0, 0, 300)
