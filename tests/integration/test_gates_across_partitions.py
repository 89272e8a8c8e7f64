"""What a gate says of a load holds where rows of other loads count, too: builds look at what is new."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.servers import wait_until
from tests.support import Database

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

MODEL, VIEW = "stg_orders__records", "order_amounts"
BUILT = ("--select", f"+{MODEL}", "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test")
REASON = ("--reason", "a test", "--yes")
#: Gates as somebody adds them who knows dbt. Amounts differ within each file.
GATES = [
    {"unique": {"name": "amounts_differ", "arguments": {"column_name": "amount"}}},
    {
        "unique_combination_of_columns": {
            "name": "amounts_differ_by_what_is_replaced",
            "arguments": {"combination_of_columns": ["replaces", "amount"]},
        }
    },
    {
        "accepted_range": {
            "name": "amounts_are_small",
            "arguments": {"column_name": "amount", "max_value": 1000},
            "config": {"limit": 1},
        }
    },
    {
        "relationships": {
            "name": "replaced_orders_are_there",
            "arguments": {"column_name": "replaces", "to": f"ref('{MODEL}')", "field": "record_id"},
        }
    },
]
#: A table, a view over it, and a gate that reads the view.
FILES = {
    "models/training/orders_kept.sql": "select * from {{ ref('stg_orders__records') }}\n",
    "models/training/orders_seen.sql": (
        "{{ config(materialized='view') }}\nselect count(*) as orders_count from {{ ref('orders_kept') }}\n"
    ),
    "tests/gates/orders_were_seen.sql": "select * from {{ ref('orders_seen') }} where orders_count < 0\n",
}
REBUILT = """
    update ops.built_partitions set version = gen_random_uuid()::text, built_at = clock_timestamp()
    where model = %s and load_id = 1
"""
SPOILT = f"insert into features.{VIEW} (customer, as_of, amount_max_7d) values ('c-0', '2026-01-05', 5000)"
WAITING = "select count(*) from pg_locks where relation = 'ops.gate_results'::regclass and not granted"
LACKING = "select distinct abs(load_id) from ops.missing_verdicts where gate = %s and model = %s order by 1"


def orders(
    first: int, amount: int, replaces: str | None = None, count: int = 20, month: int = 3
) -> list[dict[str, object]]:
    """Orders, each of another amount, some of which replace an order; placed in a month, told in March."""
    return [
        {
            "order_id": f"o-{number}",
            "ordered_at": f"2026-03-01T{number // 60:02d}:{number % 60:02d}:00Z",
            "placed_at": f"2026-{month:02d}-01T{number // 60:02d}:{number % 60:02d}:00Z",
            "customer": f"c-{number % 3}",
            "amount": amount + number - first,
            "replaces": replaces if number % 2 else None,
        }
        for number in range(first, first + count)
    ]


@pytest.fixture(scope="module")
def shop(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """Two loads that passed their gates; orders of the second replace one of the first."""
    project = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    new_source(
        project.folder, "orders", infer(orders(0, 1, "o-1"), identity="order_id", time="ordered_at")
    ).write()
    with project.edit_yaml(f"models/staging/orders/{MODEL}.yml") as document:
        document["models"][0]["data_tests"] += GATES
    for file, text in FILES.items():
        (project.folder / file).parent.mkdir(exist_ok=True)
        (project.folder / file).write_text(text)
    land(project, orders(0, 1))
    land(project, orders(100, 101, "o-1"))
    project.dbt("build", *BUILT)
    return project


def land(project: ProjectCopy, records: list[dict[str, object]]) -> int:
    """Lands a file; the load."""
    name = project.folder / f"{records[0]['order_id']}.jsonl"
    project.headgate("land", "orders", write_lines(name, records))
    number: int = project.database.value("select max(load_id) from ops.loads")
    return number


def lacking(project: ProjectCopy, gate: str) -> list[int]:
    """The loads that a gate has not passed."""
    return [load for (load,) in project.database.query(LACKING, gate, MODEL)]


def test_what_an_older_load_rests_on_is_looked_at_again(shop: ProjectCopy) -> None:
    """The load that orders of another refer to is discarded: that one is built anew, and the gate fails."""
    shop.headgate("loads", "discard", "1", *REASON)
    said = shop.dbt("build", *BUILT, exit_code=1).stdout
    assert "replaced_orders_are_there" in said
    shop.headgate("loads", "restore", "1", *REASON)
    shop.dbt("build", *BUILT)
    assert lacking(shop, "replaced_orders_are_there") == []


def test_a_gate_over_a_view_of_an_older_table_gives_no_verdict(shop: ProjectCopy) -> None:
    """The table was not built since the load came: what the gate passed is not of it."""
    shop.dbt("build", "--select", "orders_kept", "orders_seen", "orders_were_seen")
    assert lacking(shop, "orders_were_seen") == []
    load = land(shop, orders(200, 201))
    shop.dbt("build", *BUILT)
    shop.dbt("test", "--select", "orders_were_seen")
    assert lacking(shop, "orders_were_seen") == [load]
    shop.dbt("run", "--select", "orders_kept", "orders_seen")
    shop.dbt("test", "--select", "orders_were_seen")
    assert lacking(shop, "orders_were_seen") == []

    with contextlib.closing(psycopg2.connect(shop.database.dsn)) as other:
        with other.cursor() as cursor:
            cursor.execute(REBUILT, [MODEL])
        shop.dbt("run", "--select", "orders_kept", "orders_seen")
        other.commit()
    shop.dbt("test", "--select", "orders_were_seen")
    assert lacking(shop, "orders_were_seen") == [1], "built before the table, committed after it was read"
    shop.dbt("run", "--select", "orders_kept", "orders_seen")
    shop.dbt("test", "--select", "orders_were_seen")
    assert lacking(shop, "orders_were_seen") == []


def test_what_another_run_commits_meanwhile_gets_no_verdict(shop: ProjectCopy) -> None:
    """A partition was built when the run of gates began, and is committed when these have read."""
    shop.dbt("build", *BUILT)
    test = ("test", "--select", "amounts_differ")
    with contextlib.closing(psycopg2.connect(shop.database.dsn)) as other, ThreadPoolExecutor(1) as thread:
        with other.cursor() as cursor:
            cursor.execute(REBUILT, [MODEL])
            # Where the run keeps what its gates said, before it gives verdicts.
            cursor.execute("lock table ops.gate_results in share mode")
        run = thread.submit(shop.dbt, *test)
        wait_until(lambda: shop.database.value(WAITING), "the run's gates have read")
        other.commit()
        run.result()
    assert lacking(shop, "amounts_differ") == [1]
    shop.dbt(*test)
    assert lacking(shop, "amounts_differ") == []


def test_rows_of_a_view_are_looked_at_where_its_own_time_is_another(shop: ProjectCopy) -> None:
    """Events that a load tells of long after they happened change rows from before the load's partition."""
    measured = ("--at", "placed_at", "--windows", "7d", "--measure", "amount=max:amount")
    shop.headgate("new", "feature-view", VIEW, "--events", MODEL, "--key", "customer", *measured)
    with shop.edit_yaml(f"models/features/{VIEW}.yml") as document:
        document["models"][0]["data_tests"].append(
            {
                "accepted_range": {
                    "name": "views_amounts_are_small",
                    "arguments": {"column_name": "amount_max_7d", "max_value": 1000},
                }
            }
        )
    build = ("build", "--select", VIEW, "--exclude-resource-type", "unit_test")
    shop.dbt(*build)
    load = land(shop, orders(600, 9001, month=1))
    shop.dbt("run", "--select", f"+{MODEL}")
    assert "views_amounts_are_small" in shop.dbt(*build, exit_code=1).stdout
    # From nothing, too.
    assert "views_amounts_are_small" in shop.dbt(*build, "--full-refresh", exit_code=1).stdout
    shop.headgate("loads", "discard", str(load), *REASON)
    shop.dbt("build", *BUILT)

    # Its rows go. What was published, and what the load holds now, say nothing of where they were.
    shop.dbt("run", "--select", VIEW)
    shop.database.query(f"truncate ops.changed_{VIEW}")
    shop.database.query(SPOILT)
    assert "views_amounts_are_small" in shop.dbt(*build, exit_code=1).stdout
    shop.database.query(f"delete from features.{VIEW} where amount_max_7d > 1000")
    shop.dbt(*build)

    # All have passed. What is not published since is not looked at again.
    shop.database.query(SPOILT)
    shop.database.query(f"insert into ops.changed_{VIEW} values ('c-0', '2026-01-05')")
    land(shop, orders(700, 701))
    shop.dbt("run", "--select", f"+{MODEL}")
    shop.dbt(*build)


def test_rows_of_other_loads_and_rows_that_were_not_kept_count(shop: ProjectCopy) -> None:
    """One new load repeats amounts of an old one; two have amounts out of range, of which one row is kept."""
    bad = [land(shop, orders(300, 1)), land(shop, orders(400, 4001)), land(shop, orders(500, 5001))]
    shop.dbt("build", *BUILT, exit_code=1)
    # Where rows say no load, or not all are kept, others that are not certified lose the verdict, too.
    assert lacking(shop, "amounts_differ")[-3:] == bad
    assert lacking(shop, "amounts_differ_by_what_is_replaced")[-3:] == bad, "null is equal to null"
    assert lacking(shop, "amounts_are_small")[-3:] == bad
