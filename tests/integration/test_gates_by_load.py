"""What publishing has to prove follows from the loads: every gate on all that they passed through."""

from __future__ import annotations

import shutil

import pytest

from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.support import Database

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

GATE = "orders_quarantine_stays_small"
REASON = ("--reason", "a test", "--yes")
#: A feature view as somebody writes it who knows dbt and nothing of gates.
VIEW = """
{{ config(incremental_strategy='replace_partitions') }}
{%- set partitions = stale_partitions(['stg_orders__records'], source_name='orders') %}
{{ builds(partitions) }}

select
    customer_id::bigint as customer_id,
    max(recorded_at) as as_of,
    partition_start,
    count(*) as orders_count
from {{ ref('stg_orders__records') }}
where {{ in_partitions(partitions) }}
group by customer_id, partition_start
"""
#: Fails where PostgreSQL may compile what a gate asks.
COMPILED = "select current_setting('jit') as jit where current_setting('jit') = 'on'"
CONTRACT = """
models:
  - name: customer_orders
    config:
      contract: {enforced: true}
    constraints:
      - type: primary_key
        columns: [customer_id, as_of]
    columns:
      - {name: customer_id, data_type: bigint}
      - {name: as_of, data_type: timestamp with time zone}
      - {name: partition_start, data_type: timestamp with time zone}
      - {name: orders_count, data_type: bigint}
"""


def orders(first: int, broken: int = 0) -> list[dict[str, object]]:
    """Sixty orders, of which the first `broken` have a text where the contract wants a number."""
    return [
        {
            "order_id": f"o-{number}",
            "ordered_at": f"2026-03-01T{number // 60:02d}:{number % 60:02d}:00Z",
            "customer_id": number % 7,
            "amount": "much" if number < first + broken else number,
        }
        for number in range(first, first + 60)
    ]


@pytest.fixture(scope="module")
def shop(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a source, a feature view over it, a first load, and no hour of the archive."""
    project = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    shutil.copyfile(project.folder / "profiles.example.yml", project.folder / "profiles.yml")
    new_source(project.folder, "orders", infer(orders(0))).write()
    (project.folder / "models/features/customer_orders.sql").write_text(VIEW)
    (project.folder / "models/features/customer_orders.yml").write_text(CONTRACT)
    (project.folder / "tests/gates/assert_nothing_is_compiled.sql").write_text(COMPILED)
    # As on a server that nobody tuned.
    module_database.query(f'alter database "{module_database.env["PGDATABASE"]}" set jit = on')
    land(project, "first", orders(0))
    return project


def land(project: ProjectCopy, name: str, records: list[dict[str, object]]) -> int:
    """Lands a file; the load."""
    project.headgate("land", "orders", write_lines(project.folder / f"{name}.jsonl", records))
    number: int = project.database.value(
        "select max(load_id) from ops.loads where status in ('landed', 'open')"
    )
    return number


def build(project: ProjectCopy, *arguments: str, exit_code: int = 0) -> str:
    """Builds with gates; what dbt says."""
    return project.run(
        *("dbt", "build", "--exclude-resource-type", "unit_test", "--profiles-dir", "."),
        *arguments,
        exit_code=exit_code,
    ).stdout


def test_a_view_waits_for_gates_beside_it(shop: ProjectCopy) -> None:
    """Not only for those upstream; without the archive, whose views are built from nothing."""
    build(shop)
    shop.headgate("publish")
    assert shop.database.value("select sum(orders_count) from feature_store.customer_orders") == 60

    bad = land(shop, "second", orders(100, broken=8))
    build(shop, exit_code=1)
    refused = shop.headgate("publish", exit_code=3).stderr
    assert GATE in refused
    assert shop.database.value("select max(release_id) from ops.releases") == 1
    assert GATE in shop.headgate("status").stdout
    assert GATE in shop.headgate("check", exit_code=1).stdout

    shop.headgate("gates", "waive", GATE, "--load", str(bad), *REASON)
    build(shop)
    shop.headgate("publish")
    assert shop.database.value("select sum(orders_count) from feature_store.customer_orders") == 112
