"""What breaks a dbt block."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import BUILD, mutation

MUTATIONS = (
    mutation("no dbt project", "HG030", BUILD, r"dbt_project_name: \.\.", "dbt_project_name: warehouse"),
    mutation(
        "no dbt project named",
        "HG030",
        BUILD,
        r"    dbt_project_name: \.\.\n",
        "",
        at=(BUILD, r"(?m)^  configuration:\n    dbt:"),
    ),
    mutation(
        "profile that does not exist", "HG031", "../dbt_project.yml", r"(?m)^profile: (\w+)", r"profile: \1_2"
    ),
    mutation(
        "target that does not exist",
        "HG032",
        "pipelines/build_*/metadata.yaml",
        r"dbt_profile_target: dev",
        "dbt_profile_target: live",
    ),
    mutation(
        "selector that does not exist",
        "HG033",
        "dbts/**/*.yaml",
        r"--selector (\w+)",
        r"--selector \1_2",
        also="HG072",
    ),
    mutation(
        "selector that selects nothing",
        "HG033",
        "dbts/orders.yaml",
        r"--selector orders",
        "--selector broken",
        also="HG072",
    ),
    mutation("model that does not exist", "HG033", "dbts/totals.yaml", "order_totals", "order_total_2"),
    mutation("tag that does not exist", "HG033", "dbts/totals.yaml", "tag:nightly", "tag:weekly"),
    mutation(
        "path that does not exist", "HG033", "dbts/test_totals.yaml", "models/orders", "models/customers"
    ),
    mutation("open quote in a dbt block", "HG033", "dbts/totals.yaml", "--select", "--select '"),
    mutation(
        "command that runs no test",
        "HG014",
        "pipelines/build_*/metadata.yaml",
        r"(?s)command: (?:test|build)(?!.*command: (?:test|build))",
        "command: run",
        also="HG070",
    ),
    mutation(
        "no command",
        "HG014",
        BUILD,
        r"    dbt: \{command: test\}\n",
        "",
        at=(BUILD, r"  configuration:\n    dbt_project_name"),
    ),
    mutation(
        "unknown dbt command",
        "HG036",
        "pipelines/build_*/metadata.yaml",
        r"command: (?:test|build|run)",
        "command: biuld",
        also="HG014 HG070",
    ),
    mutation(
        "rows into dbt",
        "HG034",
        "../models/orders/order_totals.sql",
        r"ref\('stg_orders'\)",
        "source('mage_shop', 'build_orders_use_orders')",
        at=(BUILD, r"(?m)^  upstream_blocks: \[use_orders\]"),
    ),
    mutation(
        "rows out of dbt",
        "HG035",
        BUILD,
        r"(?<=use_orders\]\n  downstream_blocks: \[)orders\]",
        "orders, orders_out]\n- uuid: orders_out\n  type: custom\n  language: sql\n  content: select 1\n"
        "  upstream_blocks: [model]\n",
        offset=5,
    ),
    mutation(
        "selector of another name",
        "HG072",
        "dbts/orders.yaml",
        r"--selector orders",
        "--selector=broken",
        also="HG033",
    ),
)
