"""Samples of real days in all three generations: none stops a run, and merges are counted in each."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import SameOnEveryServer
from tests.acceptance.hours import SAMPLES, needs_samples
from tests.acceptance.runs import WITH_GATES, contents
from tests.acceptance.tables import accounts
from tests.support import Database

pytestmark = [pytest.mark.slow, pytest.mark.real_data, needs_samples]

#: The sample whose name does not say what time it covers.
SLIM, SLIM_EXTENT = "2026-05-slim.json.gz", "2026-05-07T00/2026-05-10T00"
#: It holds 120 events of three days, the others 1,200 of each day.
NOT_FOR_SAMPLES = "assert_volume_is_in_line_with_the_recent_past"
#: Merged pull requests by year, counted with zcat and a JSON parser.
MERGES = {
    2011: 11,
    2012: 11,
    2013: 15,
    2015: 27,
    2016: 18,
    2017: 17,
    2018: 20,
    2019: 29,
    2020: 36,
    2021: 15,
    2026: 21,
}
#: The archive holds some days of 2011 in the shape of 2015, this one among them.
GENERATIONS = dict.fromkeys(MERGES, "events") | {2012: "timeline", 2013: "timeline", 2026: "events_slim"}


@pytest.fixture(scope="module")
def built(module_database: Database) -> Database:
    """A database into which all samples were landed and built, with all gates but that on volume."""
    days = [file for file in SAMPLES if file.name != SLIM]
    slim = next(file for file in SAMPLES if file.name == SLIM)
    module_database.headgate("land", "gharchive", slim, "--partition", SLIM_EXTENT)
    module_database.headgate("land", "gharchive", *days)
    module_database.dbt(*WITH_GATES, NOT_FOR_SAMPLES)
    return module_database


def test_accounting_balances(built: Database) -> None:
    """Every line of every sample is typed or a duplicate; none is rejected, none quarantined."""
    found = accounts(built)
    assert len(found) == len(SAMPLES)
    assert [account for account in found if not account.balances] == []
    assert sum(account.rejected for account in found) == 0
    assert sum(account.quarantined for account in found) == 0


def test_merges_are_counted_in_every_generation(built: Database) -> None:
    """Each sample has the merges that its lines say, in the generation of its time."""
    merges = built.query(
        "select extract(year from partition_start at time zone 'UTC')::int, count(*)"
        " from typed.stg_gharchive__pull_requests where outcome = 'merged' group by 1"
    )
    assert dict(merges) == MERGES
    generations = built.query(
        "select distinct extract(year from partition_start at time zone 'UTC')::int, schema_generation"
        " from typed.stg_gharchive__pull_requests"
    )
    assert sorted(generations) == sorted(GENERATIONS.items())


def test_merges_know_their_hours(built: Database) -> None:
    """How long a merge took is known wherever the payload or an opening seen before tells it."""
    unknown = built.query(
        "select extract(year from merge.created_at at time zone 'UTC')::int, count(*)"
        " from typed.int_pull_requests__attributed_to_authors as merge"
        " where outcome = 'merged' and hours_to_merge is null"
        " group by 1"
    )
    assert unknown == []
    assert built.value("select min(hours_to_merge) from typed.int_pull_requests__attributed_to_authors") >= 0


def test_features_count_the_merges(built: Database) -> None:
    """The feature views hold every merge: in the hour after it, under its repository."""
    year = "extract(year from (as_of - interval '1 hour') at time zone 'UTC')::int"
    merges = "sum(pull_requests_merged_count_1h)::int"
    counted = built.query(
        f"select {year}, {merges} from features.repository_activity group by 1 having {merges} > 0"
    )
    assert dict(counted) == MERGES


def test_no_gate_failed(built: Database) -> None:
    """Days years apart pass all gates; that there are hours between them is a warning."""
    failed = "select gate, failures from ops.gate_results where status not in ('pass', 'warn')"
    assert built.query(failed) == []


def test_both_servers_give_the_same(built: Database, same_on_every_server: SameOnEveryServer) -> None:
    """PostgreSQL 15 and the embedded server hold the same rows in every table, as landed and as built."""
    same_on_every_server("samples", contents(built))
