"""Relations that somebody else made are never replaced: not by dbt, by landing, or by removing a source."""

from __future__ import annotations

import asyncio

import pytest

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.landing.tables import create_landing_table
from tests.small_store import SmallStore, at, first_release, repositories, repository
from tests.support import Database

#: A seed, a model and a gate's failing rows, all of them small.
SEED, MODEL, GATE = "typed.known_bots", "typed.contract_paths", "gate_failures.unique_known_bots_actor_login"
MADE = [SEED, MODEL, GATE]
#: The version that knows no mark.
BEFORE = "0017"


def foreign(database: Database, *names: str) -> list[str]:
    """Which of these were not made by dbt for Headgate."""
    return [name for (name,) in database.query("select name from ops.foreign_relations(%s)", list(names))]


@pytest.mark.costly
def test_dbt_replaces_only_what_it_made(database: Database) -> None:
    """A table, a view, failing rows: refused before anything is touched, until handed over or gone."""
    database.query(f"""
        create schema typed; create schema gate_failures;
        create table {SEED} as select 'mine' as kept;
        create view {MODEL} as select 'mine' as kept;
        create table {GATE} as select 'mine' as kept;
    """)
    refused = database.dbt("build", "-s", "known_bots", "contract_paths", exit_code=2).stdout
    for said in (f"{GATE}: expected", "found a table that somebody else made", SEED, MODEL, "ops.hand_over("):
        assert said in " ".join(refused.split())
    assert [database.value(f"select kept from {name}") for name in MADE] == ["mine"] * 3
    assert foreign(database, *MADE) == sorted(MADE)

    # A model that nobody has put anything under is built all the same.
    database.query(f"drop view {MODEL}; drop table {SEED}; select ops.hand_over('{GATE}')")
    for _ in range(2):
        database.dbt("build", "--indirect-selection", "cautious", "-s", "known_bots", "contract_paths")
    assert foreign(database, *MADE) == []

    database.query(f"drop table {SEED}; create table {SEED} as select 'mine' as kept")
    assert f"{SEED}: expected" in database.dbt("seed", "-s", "known_bots", exit_code=2).stdout
    assert database.value(f"select kept from {SEED}") == "mine"


def test_what_earlier_versions_made_is_known(database: Database) -> None:
    """By their own records, when the schemas are brought up to date; descriptions stay."""
    postgres.migrate(database.dsn, BEFORE)
    database.query("""
        create schema typed; create schema gate_failures;
        create view typed.stg_orders as select 1 as kept;
        comment on view typed.stg_orders is 'Orders.';
        create table typed.orders_of_mine as select 1 as kept;
        create table gate_failures.orders_add_up as select 1 as kept;
        insert into ops.model_definitions (definition, model, first_sql, settings, upstream, seeds)
        values ('d', 'stg_orders', 'select 1', '{}', '{}', '{}');
        insert into ops.deployed_models (model, relation_schema, materialized, definition)
        values ('stg_orders', 'typed', 'view', 'd');
        insert into ops.gate_results (run_id, gate, model, status, ran_at)
        values ('r', 'orders_add_up', 'm', 'pass', now());
    """)
    names = ("typed.stg_orders", "typed.orders_of_mine", "gate_failures.orders_add_up", "typed.nothing")
    description = "select obj_description('typed.stg_orders'::regclass)"

    postgres.migrate(database.dsn)
    assert foreign(database, *names) == ["typed.orders_of_mine"]
    assert database.value(description).startswith("Orders. Made by dbt")

    postgres.migrate(database.dsn, BEFORE)
    assert database.value(description) == "Orders."
    assert database.value("select obj_description('gate_failures.orders_add_up'::regclass)") is None


@pytest.mark.parametrize("kind", ["table", "view", "materialized view"])
def test_landing_takes_no_relation_of_somebody_else(database: Database, kind: str) -> None:
    """Under the name of a landing table: refused, and as it was."""
    database.query(f"create schema staging_orders; create {kind} staging_orders.records as select 1 as kept")

    async def create() -> None:
        connection = await postgres.connect(database.settings)
        try:
            await create_landing_table(connection, "orders", "records")
        finally:
            await connection.close()

    with pytest.raises(HeadgateError, match=r"staging_orders\.records: .*somebody else.*rename the source"):
        asyncio.run(create())
    assert database.value("select kept from staging_orders.records") == 1


@pytest.mark.parametrize("relation", ["repository_activity", "repository_activity_history"])
@pytest.mark.parametrize("kind", ["table", "view"])
def test_publishing_takes_no_relation_of_somebody_else(database: Database, relation: str, kind: str) -> None:
    """Under the names of a view's first release: refused, and as it was; published once it is elsewhere."""
    store = SmallStore(database)
    store.land()
    repositories(store)
    store.rows("repository_activity", [repository(1, 1, 1)])
    name = f"feature_store.{relation}"
    database.query(f"create {kind} {name} as select 1 as kept")

    with pytest.raises(HeadgateError, match=rf"{relation}.*somebody else made; nothing was published"):
        store.publish()
    assert database.value(f"select kept from {name}") == 1
    database.query(f"alter {kind} {name} rename to mine")
    assert store.publish() == 1


def test_a_dataset_takes_no_relation_of_somebody_else(database: Database) -> None:
    """Where the copy of its spine is to be: refused, and as it was."""
    store = first_release(database)
    store.labels({"repository_id": "bigint", "at_": "timestamptz"}, [(1, at(2))])
    database.query("create table datasets.mine_v1 as select 1 as kept")
    create = ("dataset", "create", "mine", "--spine", "training.labels")

    assert "that somebody else made" in database.headgate(*create, exit_code=1).stderr
    assert database.value("select kept from datasets.mine_v1") == 1
    database.query("drop table datasets.mine_v1")
    database.headgate(*create)
    database.query("delete from ops.datasets")  # as after a kill
    database.headgate(*create)
