"""Hours with everything that can be wrong with lines and files: nothing is lost without a reason."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import HourTruth, generate_hour
from headgate_github.synth.file_traps import FILE_TRAPS
from headgate_github.synth.traps import TRAPS
from tests.acceptance.conftest import SameOnEveryServer
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import build, contents
from tests.acceptance.tables import accounts
from tests.support import Database

pytestmark = pytest.mark.costly

HOURS = {
    "events_early": hours_from("2011-04-30T22", 1)[0],
    "timeline": hours_from("2012-04-11T15", 1)[0],
    "events": hours_from("2016-03-01T10", 1)[0],
    "events_slim": hours_from("2026-05-07T10", 1)[0],
}
#: What may be said of the lines of a trap that cannot land.
REASONS = {
    "malformed": {"invalid JSON", "byte order mark"},
    "truncated_line": {"truncated JSON", "invalid JSON"},
    "invalid_utf8": {"invalid UTF-8"},
    "control_character": {"raw control character"},
    "deep_nesting": {"nesting too deep"},
    "huge_number": {"number out of range"},
    "lone_surrogate": {"lone surrogate"},
    "blank_line": {"blank line"},
    "not_an_object": {"not an object"},
}
FILE_FAILURES = {
    "truncated_gzip": "truncated",
    "not_gzip": "not gzip",
    "html_page": "an HTML or XML page",
    "empty_file": "an empty file",
}


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, HourTruth]:
    """One hour of each generation with all traps."""
    return generated(tmp_path_factory.mktemp("poisoned"), HOURS.values(), traps=TRAPS)


@pytest.fixture(scope="module")
def built(module_database: Database, truths: dict[Path, HourTruth]) -> Database:
    """The poisoned hours landed and built, gates included."""
    build(module_database, truths, gates=True)
    return module_database


@pytest.fixture(params=HOURS)
def hour(request: pytest.FixtureRequest) -> datetime:
    """The hour of one generation."""
    return HOURS[request.param]


@pytest.fixture
def truth(hour: datetime, truths: dict[Path, HourTruth]) -> HourTruth:
    """What is true of that hour."""
    return next(truth for truth in truths.values() if truth.hour == f"{hour:%Y-%m-%dT%H}")


def marked(truth: HourTruth, outcome: str) -> dict[int, str]:
    """Line numbers of an outcome, each with its trap."""
    return {mark.line_number: mark.trap for mark in truth.marks if mark.outcome == outcome}


def test_what_is_not_json_is_rejected_with_a_reason(
    built: Database, hour: datetime, truth: HourTruth
) -> None:
    """Exactly the spoilt lines are rejects, each with the reason that fits it."""
    rejects = dict(
        built.query(
            "select line_number, reason from ops.rejects join ops.loads using (load_id)"
            " where partition_start = %s",
            hour,
        )
    )
    expected = marked(truth, "rejected")
    assert expected.keys() == rejects.keys()
    assert {(expected[n], why) for n, why in rejects.items() if why not in REASONS[expected[n]]} == set()


def test_what_breaks_the_contract_is_quarantined_with_a_reason(
    built: Database, hour: datetime, truth: HourTruth
) -> None:
    """Exactly the records that break the contract are in quarantine, with what was expected and found."""
    quarantined = dict(
        built.query(
            "select line_number, reasons from typed.stg_gharchive__quarantine where partition_start = %s",
            hour,
        )
    )
    expected = marked(truth, "quarantined")
    assert expected.keys() == quarantined.keys()
    assert [number for number, reasons in quarantined.items() if not reasons] == []
    assert all(": " in reason for reasons in quarantined.values() for reason in reasons)


def test_accounting_balances(built: Database, hour: datetime, truth: HourTruth) -> None:
    """Read, landed, rejected, repaired, typed, quarantined and duplicates are what was generated."""
    account = next(account for account in accounts(built) if account.partition_start == hour)
    assert account.balances
    repaired = built.value("select rows_repaired from ops.loads where partition_start = %s", hour)
    assert (truth.lines, truth.landed, truth.rejected, truth.repaired) == (
        account.read,
        account.landed,
        account.rejected,
        repaired,
    )
    assert (truth.typed, truth.quarantined, truth.duplicates_in_hour) == (
        account.typed,
        account.quarantined,
        account.duplicates,
    )


def test_typed_records_are_those_generated(built: Database, hour: datetime, truth: HourTruth) -> None:
    """Kinds, unknown kinds, merges, commits and bots are counted as generated."""

    def counted(column: str, table: str, condition: str = "true") -> Counter[str]:
        return Counter(
            dict(
                built.query(
                    f"select {column}, count(*) from typed.{table}"
                    f" where partition_start = %s and {condition} group by 1",
                    hour,
                )
            )
        )

    counts = truth.counts
    assert +counts.types == counted("event_type", "stg_gharchive__events")
    unknown = "event_type not in (select event_type from typed.gharchive_event_types)"
    assert +counts.unknown_types == counted("event_type", "stg_gharchive__events", unknown)
    pulls = {name: getattr(counts, f"pull_requests_{name}") for name in ("opened", "merged", "rejected")}
    assert +Counter(pulls) == counted("outcome", "int_pull_requests__attributed_to_authors")
    issues = {name: getattr(counts, f"issues_{name}") for name in ("opened", "closed", "reopened")}
    assert +Counter(issues) == counted("action", "stg_gharchive__issues")
    assert counts.commits == counted("1", "stg_gharchive__push_commits").total()
    bots = "select coalesce(sum(bot_events_count), 0)::int from typed.int_activity__summed_by_hour"
    assert counts.bot_events == built.value(f"{bots} where partition_start = %s", hour)


def test_both_servers_give_the_same(built: Database, same_on_every_server: SameOnEveryServer) -> None:
    """PostgreSQL 15 and the embedded server hold the same rows in every table, as landed and as built."""
    same_on_every_server("poisoned", contents(built))


def test_no_gate_failed(built: Database) -> None:
    """All of this passes the gates: what is wrong was set aside, and nothing of it was typed."""
    assert (
        built.query("select gate, failures from ops.gate_results where status not in ('pass', 'warn')") == []
    )


def test_what_is_wrong_with_a_whole_file(database: Database, tmp_path: Path) -> None:
    """A spoilt file is a failed load with a clear error; nothing of it lands, and good files beside it do."""
    hours = hours_from("2016-03-01T10", len(FILE_TRAPS) + 1)
    good, *spoilt = generated(tmp_path, hours)
    for file, spoil in zip(spoilt, FILE_TRAPS.values(), strict=True):
        file.write_bytes(spoil(file.read_bytes()))
    said = database.headgate("land", "gharchive", good, *spoilt, "--json", exit_code=1).stdout
    loads: dict[str, dict[str, Any]] = {load["uri"]: load for load in json.loads(said)}
    assert loads[str(good)]["status"] == "landed"
    for file, (trap, finding) in zip(spoilt, FILE_FAILURES.items(), strict=True):
        load = loads[str(file)]
        assert load["status"] == "failed", trap
        assert finding in load["error"]["found"]
        assert load["error"]["next_step"]
    statuses = dict(database.query("select status, count(*) from ops.loads group by status"))
    assert statuses == {"landed": 1, "failed": len(FILE_TRAPS)}
    assert database.value("select count(*) from staging_gharchive.events") == loads[str(good)]["rows_landed"]
    assert (
        database.value(
            "select count(*) from pg_inherits where inhparent = 'staging_gharchive.events'::regclass"
        )
        == 1
    )
    of_failed = "select from {} join ops.loads using (load_id) where status = 'failed'"
    assert database.query(of_failed.format("ops.rejects")) == []
    assert database.query(of_failed.format("ops.repairs")) == []


def test_a_spoilt_file_leaves_what_was_landed_before(database: Database, tmp_path: Path) -> None:
    """When the second delivery of an hour is spoilt, the first one stays."""
    hour = generate_hour(HOURS["events"], events_per_hour=200)
    file = tmp_path / hour.name
    file.write_bytes(hour.content)
    database.headgate("land", "gharchive", file)
    for trap, spoil in FILE_TRAPS.items():
        file.write_bytes(spoil(hour.content))
        database.headgate("land", "gharchive", file, exit_code=1)
        landed = database.query("select rows_landed from ops.loads where status = 'landed'")
        assert landed == [(hour.truth.landed,)], trap
        assert database.value("select count(*) from staging_gharchive.events") == hour.truth.landed
