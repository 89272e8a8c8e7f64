"""The twelve real hours, from files to gated features, on both servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.acceptance.comparison import KEYS, Compared, compare, draw_keys
from tests.acceptance.conftest import SameOnEveryServer
from tests.acceptance.hours import REAL, known_bots, needs_real_hours
from tests.acceptance.recompute import Recomputed, read_events
from tests.acceptance.runs import WITH_GATES, contents
from tests.acceptance.tables import (
    accounts,
    differences,
    holding,
    writers,
)
from tests.support import Database

pytestmark = [pytest.mark.slow, pytest.mark.real_data, needs_real_hours]

LINES = 143_714
#: How the archive of today writes the address of a commit's author; no other text looks like it.
ADDRESS = "[0-9a-f]{40}@"


@pytest.fixture(scope="module")
def recomputed() -> Recomputed:
    """The events of the twelve hours, read without the project."""
    return Recomputed(read_events(REAL), known_bots(), datetime(2016, 1, 1, 13, tzinfo=UTC))


def test_every_line_lands(real_hours: Database) -> None:
    """All lines are read and landed, none is rejected, one is repaired."""
    sums = "sum(lines_read)::int, sum(rows_landed)::int, sum(rows_rejected)::int, sum(rows_repaired)::int"
    assert real_hours.query(f"select {sums} from ops.loads where status = 'landed'") == [(LINES, LINES, 0, 1)]
    assert real_hours.value("select count(*) from staging_gharchive.events") == LINES


def test_accounting_balances(real_hours: Database) -> None:
    """Every landed line of every hour is typed, quarantined or a duplicate."""
    found = accounts(real_hours)
    assert len(found) == len(REAL)
    assert [account for account in found if not account.balances] == []
    assert sum(account.landed for account in found) == LINES


def test_all_gates_passed(real_hours: Database) -> None:
    """Every gate ran and passed, and what they looked at is certified."""
    assert real_hours.query("select gate, status from ops.gate_results where status <> 'pass'") == []
    assert real_hours.value("select count(*) from ops.gate_results") > 100
    missing = "select model, partition_start from ops.built_partitions except all"
    assert real_hours.query(f"{missing} select model, partition_start from ops.certified_partitions") == []


def test_no_address_stands_in_clear(real_hours: Database) -> None:
    """No table of any schema holds the address of a commit's author."""
    assert real_hours.value("select count(*) from typed.stg_gharchive__push_commits") > 80_000
    assert holding(real_hours, ADDRESS) == {}


def test_both_servers_give_the_same(real_hours: Database, same_on_every_server: SameOnEveryServer) -> None:
    """PostgreSQL 15 and the embedded server hold the same rows in every table, as landed and as built."""
    same_on_every_server("real hours", contents(real_hours))


@pytest.mark.parametrize("view", KEYS)
def test_features_equal_a_recompute(real_hours: Database, recomputed: Recomputed, view: str) -> None:
    """Rows of random and of hot keys, when windows empty too, are exactly those that plain Python finds."""
    keys = draw_keys(recomputed, view, seed=20160101, ordinary=120, hot=10)
    compared = sum((compare(real_hours, recomputed, view, [key]) for key in keys), Compared())
    assert compared.rows >= 130
    assert compared.emptied >= (0 if view == "contributor_activity" else 50)


def test_a_second_run_changes_nothing(real_hours: Database) -> None:
    """The same files again land nothing, and the next build writes no row of any table anew."""
    rows, places = contents(real_hours), writers(real_hours)
    landed = json.loads(real_hours.headgate("land", "gharchive", *REAL, "--json").stdout)
    real_hours.dbt(*WITH_GATES)
    assert {load["status"] for load in landed} == {"unchanged"}
    assert differences(places, writers(real_hours)) == {}
    assert differences(rows, contents(real_hours)) == {}
