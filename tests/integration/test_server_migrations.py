"""Migrations go up, down and up again, say what they destroy, and change nothing when they fail."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.postgres import schema
from headgate.postgres.cluster import Cluster
from headgate.postgres.state import read_state
from tests.acceptance.hours import generated, hours_from
from tests.support import Database

LOAD = """
insert into ops.loads (source, entity, partition_start, partition_end, uri, status)
values ('gharchive', 'events', '2016-01-01T01:00Z', '2016-01-01T02:00Z', 'file:///x', 'running')
"""
OBJECTS = """
select table_schema || '.' || table_name, column_name, data_type, is_nullable
from information_schema.columns
where table_schema = 'ops' or table_schema like 'staging%'
order by 1, ordinal_position
"""


def test_down_and_up_again_gives_the_same_schema(database: Database) -> None:
    """Every revision has a way back that leaves nothing behind, and a way forward again."""
    before = database.query(OBJECTS)

    for step in [step.revision for step in schema.plan(database.dsn, "base")][1:]:
        postgres.migrate(database.dsn, step)
        assert step == schema.current(database.dsn)
    postgres.migrate(database.dsn, "base")
    assert {"ops.schema_version"} == {row[0] for row in database.query(OBJECTS)}

    postgres.migrate(database.dsn)
    assert before == database.query(OBJECTS)


def test_another_version_of_the_ledger_says_what_to_run(database: Database) -> None:
    """Landing and dbt stop before they do anything, whether the database is behind or ahead."""
    (file,) = generated(database.folder, hours_from("2016-01-01T01", 1))
    for version, advice in (
        (schema.plan(database.dsn, "base")[1].revision, "headgate up"),
        ("9999", "a newer one"),
    ):
        database.query("update ops.schema_version set version_num = %s", version)
        refused = database.headgate("land", "gharchive", file, exit_code=1).stderr
        assert f"expected  version {schema.head()}" in refused
        assert advice in refused
        assert "Traceback" not in refused
        said = database.dbt("run", "-s", "contract_paths", exit_code=2)
        assert f"expected Headgate's tables of version {schema.head()}" in said.stdout
    assert database.value("select count(*) from ops.loads") == 0


def test_a_downgrade_without_rows_needs_no_confirmation(database: Database) -> None:
    """Nothing is lost, so nothing is asked."""
    assert "at base" in database.headgate("migrate", "base").stdout
    assert "nothing to do" in database.headgate("migrate", "base").stdout
    assert f"at {schema.head()}" in database.headgate("migrate").stdout


def test_a_downgrade_that_destroys_rows_is_refused_until_confirmed(database: Database) -> None:
    """Plan, blast radius and rollback come first; exit code 4; then --yes does it."""
    database.query(LOAD)

    refused = database.headgate("migrate", "base", exit_code=4)
    for expected in ("Plan", "downgrade 0001", "Blast radius", "ops.loads: 1 rows", "Rollback", "pg_dump"):
        assert expected in refused.stdout
    assert "headgate migrate base --yes" in refused.stderr
    assert database.value("select count(*) from ops.loads") == 1

    assert "at base" in database.headgate("migrate", "base", "--yes").stdout
    assert database.value("select to_regclass('ops.loads')") is None


def test_a_plan_counts_rows_of_tables_that_code_made(database: Database) -> None:
    """Histories of feature views, spines, declared sources: counted, and in the schemas to save."""
    database.query("""
        create schema staging_orders;
        create table staging_orders.orders (load_id bigint) partition by range (load_id);
        create table staging_orders.orders_piece_0 partition of staging_orders.orders default;
        create table staging_orders.orders_delivered (delivery uuid);
        insert into staging_orders.orders values (1), (2);
        create table feature_store.toy_history (toy_id bigint);
        insert into feature_store.toy_history values (1);
        create table datasets.merges_v1 (toy_id bigint);
        insert into datasets.merges_v1 values (1)
    """)
    refused = database.headgate("migrate", "0003", exit_code=4).stdout
    for table in ("staging_orders.orders: 2", "feature_store.toy_history: 1", "datasets.merges_v1: 1"):
        assert f"  {table} rows are destroyed" in refused
    assert "piece" not in refused
    assert "-n datasets -n feature_store -n ops -n staging_orders" in refused


def test_hours_whose_table_is_dropped_are_not_landed_any_more(database: Database) -> None:
    """Forward again, the ledger says nothing of them: the same files land again."""
    database.query(LOAD)
    assert (
        "ops.loads where source = 'gharchive': 1 rows" in database.headgate("migrate", "0001", "--yes").stdout
    )
    postgres.migrate(database.dsn)
    assert database.value("select count(*) from ops.loads") == 0


def test_a_plan_changes_nothing(database: Database) -> None:
    """`--plan` lists the steps in the order they would run."""
    said = database.headgate("migrate", "base", "--plan").stdout

    assert said.index("downgrade 0003") < said.index("downgrade 0001")
    assert schema.head() == schema.current(database.dsn)


def test_an_unknown_revision_is_wrong_usage(database: Database) -> None:
    """The error lists the revisions that there are."""
    assert "0001" in database.headgate("migrate", "0815", exit_code=2).stderr


def test_a_migration_that_fails_changes_nothing(database: Database) -> None:
    """A view of somebody else's on the ledger keeps it from being dropped; the error names it."""
    database.query("create view public.somebody_elses as select * from ops.rejects")

    with pytest.raises(HeadgateError, match="somebody_elses"):
        postgres.migrate(database.dsn, "base")
    assert schema.head() == schema.current(database.dsn)


def test_two_migrations_at_once_wait_for_each_other(server: Cluster) -> None:
    """Two `up` on a new database of a shared server both succeed."""
    server.ensure_database("migrated_twice")
    uri = server.uri("migrated_twice")

    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(postgres.migrate, [uri, uri]))
    assert schema.head() == schema.current(uri)


def test_a_load_that_counts_accounts_for_every_line(database: Database) -> None:
    """The database itself refuses a landed load whose numbers do not add up or are missing."""
    database.query(LOAD)

    with pytest.raises(Exception, match="every_line_is_accounted_for"):
        database.query(
            "update ops.loads set status = 'landed', lines_read = 3, rows_landed = 1, rows_rejected = 1"
        )
    with pytest.raises(Exception, match="every_line_is_accounted_for"):
        database.query("update ops.loads set status = 'landed'")
    database.query(
        "update ops.loads set status = 'landed', lines_read = 2, rows_landed = 1, rows_rejected = 1"
    )


def test_a_partition_is_landed_once(database: Database) -> None:
    """Two loads of one partition cannot both count."""
    database.query(LOAD)
    landed = "update ops.loads set status = 'landed', lines_read = 0, rows_landed = 0, rows_rejected = 0"
    database.query(landed)
    database.query(LOAD)

    with pytest.raises(Exception, match="loads_landed_once"):
        database.query(f"{landed} where status = 'running'")


async def test_toast_is_chosen_by_what_the_server_can_do(database: Database) -> None:
    """The clause makes a table on this server: lz4 where it has it, uncompressed where it has not."""
    from headgate.postgres.toast import toast_clause

    connection = await postgres.connect(database.settings)
    try:
        clause = await toast_clause(connection)
        await connection.execute(f"create table trial (record jsonb {clause})")
    finally:
        await connection.close()
    expected = "compression lz4" if read_state(database.settings).has_lz4 else "storage external"
    assert expected == clause
