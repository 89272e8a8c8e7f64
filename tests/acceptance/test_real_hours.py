"""The twelve real hours, from files to gated features, on both servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.acceptance.comparison import KEYS, Compared, compare, draw_keys
from tests.acceptance.hours import REAL, known_bots, needs_real_hours
from tests.acceptance.recompute import Recomputed, read_events
from tests.acceptance.tables import (
    Fingerprint,
    accounts,
    holding,
    landed_fingerprints,
    table_fingerprints,
    writers,
)
from tests.support import Database

pytestmark = [pytest.mark.real_data, needs_real_hours]

LINES = 143_714
#: How the archive of today writes the address of a commit's author; no other text looks like it.
ADDRESS = "[0-9a-f]{40}@"


@pytest.fixture(scope="module")
def built(module_database: Database) -> Database:
    """A database into which the twelve hours were landed and built, with all gates."""
    module_database.headgate("land", "gharchive", *REAL)
    module_database.dbt("build", "--exclude", "test_type:unit")
    return module_database


@pytest.fixture(scope="module")
def recomputed() -> Recomputed:
    """The events of the twelve hours, read without the project."""
    return Recomputed(read_events(REAL), known_bots(), datetime(2016, 1, 1, 13, tzinfo=UTC))


def test_every_line_lands(built: Database) -> None:
    """All lines are read and landed, none is rejected, one is repaired."""
    sums = "sum(lines_read)::int, sum(rows_landed)::int, sum(rows_rejected)::int, sum(rows_repaired)::int"
    assert built.query(f"select {sums} from ops.loads where status = 'landed'") == [(LINES, LINES, 0, 1)]
    assert built.value("select count(*) from staging_gharchive.events") == LINES


def test_accounting_balances(built: Database) -> None:
    """Every landed line of every hour is typed, quarantined or a duplicate."""
    found = accounts(built)
    assert len(found) == len(REAL)
    assert [account for account in found if not account.balances] == []
    assert sum(account.landed for account in found) == LINES


def test_all_gates_passed(built: Database) -> None:
    """Every gate ran and passed, and what they looked at is certified."""
    assert built.query("select gate, status from ops.gate_results where status <> 'pass'") == []
    assert built.value("select count(*) from ops.gate_results") > 100
    missing = "select model, partition_start from ops.built_partitions except all"
    assert built.query(f"{missing} select model, partition_start from ops.certified_partitions") == []


def test_no_address_stands_in_clear(built: Database) -> None:
    """No table of any schema holds the address of a commit's author."""
    assert built.value("select count(*) from typed.stg_gharchive__push_commits") > 80_000
    assert holding(built, ADDRESS) == {}


def test_both_servers_give_the_same(
    built: Database, same_on_every_server: Callable[[str, dict[str, Fingerprint]], None]
) -> None:
    """PostgreSQL 15 and the embedded server hold the same rows in every table, as landed and as built."""
    same_on_every_server("real hours", landed_fingerprints(built) | table_fingerprints(built))


@pytest.mark.parametrize("view", KEYS)
def test_features_equal_a_recompute(built: Database, recomputed: Recomputed, view: str) -> None:
    """Rows of random and of hot keys, when windows empty too, are exactly those that plain Python finds."""
    keys = draw_keys(recomputed, view, seed=20160101, ordinary=120, hot=10)
    compared = sum((compare(built, recomputed, view, [key]) for key in keys), Compared())
    assert compared.rows >= 130
    assert compared.emptied >= (0 if view == "contributor_activity" else 50)


def test_a_second_run_changes_nothing(built: Database) -> None:
    """The same files again land nothing, and the next build writes no row of any table anew."""
    before = table_fingerprints(built), writers(built)
    landed = json.loads(built.headgate("land", "gharchive", *REAL, "--json").stdout)
    built.dbt("build", "--exclude", "test_type:unit")
    assert {load["status"] for load in landed} == {"unchanged"}
    assert (table_fingerprints(built), writers(built)) == before
