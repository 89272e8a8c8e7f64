"""What a dataset is made of has passed every gate, however its spine came by it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from headgate.errors import GateFailed, HeadgateError
from headgate.store.readiness import require_proven
from tests.store import Store, instant
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
BEGUN = instant(2026, 3)
GATE = "beside_is_sound"


def at(minutes: int) -> datetime:
    """An instant of the day on which all of it happens."""
    return BEGUN + timedelta(days=1, minutes=minutes)


class Ledger(Store):
    """A source with a staging model, a model beside it that a gate looks at, and a spine that is a table."""

    def begin(self) -> None:
        """The models; the spine is built at minute 20."""
        run = self.database.query
        run("create schema typed; create schema training; create schema own; create schema staging_shop")
        for relation in ("typed.stg_shop__records", "training.spine", "staging_shop.records"):
            run(f"create table {relation} (id bigint, at timestamptz)")
        for model in ("stg_shop__records", "beside", "spine"):
            run("insert into ops.model_sources values (%s, 'shop')", model)
        run("insert into ops.model_gates values ('beside', %s, 'hash')", [GATE])
        run("insert into ops.model_gates values ('stg_shop__records', '{}', 'none')")
        run(
            "insert into ops.model_definitions (definition, model, first_sql, settings, upstream, seeds)"
            " values ('d', 'spine', '', '{}', '{\"stg_shop__records\": \"e\"}', '{}')"
        )
        run("insert into ops.deployed_models values ('spine', 'training', 'table', 'd', %s)", at(20))

    def load(self, start: datetime, status: str, finished: datetime) -> int:
        """A load of a partition."""
        number: int = self.database.value(
            "insert into ops.loads (source, entity, partition_start, partition_end, uri, status, lines_read,"
            " rows_landed, rows_rejected, finished_at)"
            " values ('shop', 'records', %s, %s, 'none', %s, 0, 0, 0, %s) returning load_id",
            *(start, start + timedelta(hours=1), status, finished),
        )
        return number

    def built(self, load: int, model: str, minute: int, verdict: bool = True) -> None:
        """A partition that was built of a load."""
        self.database.query(
            "insert into ops.built_partitions"
            " (model, source, partition_start, upstream_version, version, load_id, built_at)"
            " select %s, 'shop', partition_start, load_id::text, 'v', load_id, %s"
            " from ops.loads where load_id = %s",
            *(model, at(minute), load),
        )
        if verdict:
            self.database.query(
                "insert into ops.verdicts (gate, model, source, partition_start, version)"
                " select %s, model, source, partition_start, version from ops.built_partitions"
                " where model = %s and load_id = %s",
                *(GATE, model, load),
            )

    def require(self, relation: str) -> None:
        """As `headgate dataset create` does."""
        self.connected(lambda connection: require_proven(connection, f"spine {relation}", relation))


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """With one load that was built at minute 10, of which nothing is proven yet beside it."""
    ledger = Ledger(database)
    ledger.begin()
    return ledger


def test_a_gate_beside_the_spine_stops_it_whenever_it_was_built(ledger: Ledger) -> None:
    """The spine holds the load since minute 20; the model that the gate looks at came later."""
    load = ledger.load(BEGUN, "landed", at(5))
    ledger.built(load, "stg_shop__records", 10)
    ledger.built(load, "beside", 30, verdict=False)
    with pytest.raises(GateFailed, match=GATE):
        ledger.require("training.spine")


def test_a_load_that_came_after_the_spine_stops_nothing(ledger: Ledger) -> None:
    """Nothing of it is in the spine."""
    load = ledger.load(BEGUN, "landed", at(5))
    ledger.built(load, "stg_shop__records", 10)
    ledger.built(load, "beside", 11)
    later = ledger.load(BEGUN + timedelta(hours=1), "landed", at(25))
    ledger.built(later, "stg_shop__records", 30)
    ledger.built(later, "beside", 31, verdict=False)
    ledger.require("training.spine")


@pytest.mark.parametrize("relation", ["typed.stg_shop__records", "training.spine", "staging_shop.records"])
@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_a_view_by_hand_needs_the_gates_of_what_it_reads(ledger: Ledger, relation: str, kind: str) -> None:
    """Of models and of landed records, also through another view."""
    run = ledger.database.query
    run(f"create {kind} own.middle as select * from {relation}")
    run('create view own."My labels" as select * from own.middle')
    load = ledger.load(BEGUN, "landed", at(5))
    ledger.built(load, "stg_shop__records", 10)
    ledger.built(load, "beside", 11, verdict=False)
    with pytest.raises(GateFailed, match=GATE):
        ledger.require("own.My labels")
    run("update ops.model_gates set gates = '{}' where model = 'beside'")
    ledger.require("own.My labels")


@pytest.mark.parametrize("status", ["replaced", "discarded"])
def test_a_table_of_what_is_no_longer_landed_is_refused(ledger: Ledger, status: str) -> None:
    """The load that it holds was taken back; what is landed now has passed every gate."""
    load = ledger.load(BEGUN, status, at(5))
    newest = load
    if status == "replaced":
        newest = ledger.load(BEGUN, "landed", at(25))
    else:
        ledger.database.query(
            "insert into ops.decisions (action, load_id, reason, actor, decided_at)"
            " values ('discard load', %s, 'r', 'a', %s)",
            *(load, at(25)),
        )
    ledger.built(newest, "stg_shop__records", 30)
    ledger.built(newest, "beside", 31)
    with pytest.raises(HeadgateError, match=f"load {load} was {status} since") as refused:
        ledger.require("training.spine")
    assert "dbt build --select spine" in str(refused.value)

    ledger.database.query("update ops.deployed_models set built_at = %s", at(40))
    ledger.require("training.spine")


@pytest.mark.parametrize(
    "cause",
    [
        "insert into ops.contracts (source, version, contract, first_used_at)"
        " values ('shop', 2, '{{}}', '{at}')",
        "insert into ops.decisions (action, load_id, line_numbers, reason, actor, decided_at)"
        " values ('accept records', {load}, '{{7}}', 'they are right', 'somebody', '{at}')",
        "with defined as (insert into ops.model_definitions"
        " (definition, model, first_sql, settings, upstream, seeds, first_built_at)"
        " values ('f', 'stg_shop__records', '', '{{}}', '{{}}', '{{}}', '{at}'))"
        " update ops.built_partitions set definition = 'f' where model = 'stg_shop__records'",
    ],
    ids=["contract", "decision", "definition"],
)
def test_a_table_of_what_was_typed_anew_is_refused(ledger: Ledger, cause: str) -> None:
    """By a contract, a decision or SQL from before the spine it is not; nor is what was merely typed late."""
    load = ledger.load(BEGUN, "landed", at(5))
    ledger.built(load, "stg_shop__records", 30)
    ledger.built(load, "beside", 31)
    run = ledger.database.query
    ledger.require("training.spine")
    run(cause.format(load=load, at=at(25)) + " returning 1")
    with pytest.raises(HeadgateError, match=rf"stg_shop__records was built anew of load {load} since"):
        ledger.require("training.spine")
    run("update ops.deployed_models set built_at = %s returning 1", at(32))
    ledger.require("training.spine")
