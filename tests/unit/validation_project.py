"""A valid Mage project, beside a dbt project, with one of everything that the validator has rules about."""

from __future__ import annotations

from pathlib import Path

MAGE = "shop"

DECORATED = """if "{kind}" not in globals():
    from mage_ai.data_preparation.decorators import {kind}


@{kind}
def {name}({arguments}):
    return {result}
"""


def python(kind: str, name: str, arguments: str, result: str = "[]") -> str:
    """A block's file."""
    return DECORATED.format(kind=kind, name=name, arguments=arguments, result=result)


FILES = {
    "dbt_project.yml": """name: warehouse
version: "1.0"
profile: warehouse
model-paths: [models]
models:
  warehouse:
    +tags: [nightly]
""",
    "profiles.yml": """warehouse:
  target: dev
  outputs:
    dev: {type: postgres, port: "{{ env_var('PGPORT') }}"}
    prod: {type: postgres}
""",
    "selectors.yml": """selectors:
- name: orders
  definition:
    union:
    - {method: path, value: models/orders}
    - {method: tag, value: nightly}
- name: broken
  definition: "path:models/gone"
""",
    "models/orders/stg_orders.sql": "select 1 as id\n",
    "models/orders/order_totals.sql": "select * from {{ ref('stg_orders') }}\n",
    "models/orders/orders.yml": "models:\n- name: stg_orders\n  columns: [{name: id, tests: [unique]}]\n",
    "shop/metadata.yaml": """project_type: standalone
project_uuid: shop
help_improve_mage: false
variables_dir: {{ env_var('MAGE_DATA_DIR') }}
variables_retention_period: 30d
features:
  polars: true
notification_config:
  alert_on:
  - trigger_failure
  - trigger_passed_sla
retry_config:
  retries: 1
  delay: 5
""",
    "shop/io_config.yaml": """version: 0.1.1
default:
  POSTGRES_DBNAME: orders
  POSTGRES_HOST: localhost
  POSTGRES_PASSWORD: {{ env_var('PGPASSWORD') }}
  POSTGRES_PORT: 5432
  POSTGRES_USER: mage
archive:
  AWS_REGION: eu-central-1
  AWS_SECRET_ACCESS_KEY: "{{ env_var('AWS_SECRET_ACCESS_KEY') }}"
""",
    "shop/global_data_products.yaml": """orders_today:
  object_type: pipeline
  object_uuid: land_orders
  outdated_after:
    seconds: 3600
  settings:
    orders/check_orders:
      partitions: 1
""",
    "shop/.headgate-validate.yaml": """gates_on_every_path: true
gates: [orders/count_orders]
longest_block: 30
dbt_blocks_named_after_selector: true
""",
    "shop/pipelines/land_orders/metadata.yaml": """uuid: land_orders
name: Land orders
type: python
description: Lands orders.
tags: [orders]
executor_type: local_python
variables:
  day: null
retry_config:
  retries: 2
blocks:
- uuid: orders/files_there
  name: files_there
  type: sensor
  language: python
  executor_type: local_python
  status: not_executed
  timeout: 1800
  upstream_blocks: []
  downstream_blocks: [orders/load_orders]
- uuid: orders/load_orders
  name: load_orders
  type: data_loader
  language: python
  color: teal
  retry_config: {retries: 3, delay: 10}
  upstream_blocks:
  - orders/files_there
  downstream_blocks:
  - orders/check_orders
  - orders/count_orders
- uuid: orders/check_orders
  type: transformer
  language: python
  upstream_blocks:
  - orders/load_orders
  downstream_blocks:
  - orders/export_orders
- uuid: orders/count_orders
  type: custom
  language: python
  upstream_blocks:
  - orders/load_orders
  downstream_blocks: []
- uuid: orders/export_orders
  type: data_exporter
  language: python
  upstream_blocks:
  - orders/check_orders
  downstream_blocks: []
- uuid: notes
  type: markdown
  language: markdown
  content: Orders come once an hour.
callbacks:
- uuid: alert
  type: callback
  language: python
  upstream_blocks: [orders/load_orders, orders/export_orders]
conditionals:
- uuid: on_weekdays
  type: conditional
  language: python
  upstream_blocks: [orders/export_orders]
widgets:
- uuid: orders_by_day
  type: chart
  language: python
  upstream_blocks: [orders/check_orders]
extensions:
  great_expectations:
    blocks:
    - uuid: expect_ids
      type: extension
      language: python
      upstream_blocks: [orders/count_orders]
""",
    "shop/pipelines/land_orders/triggers.yaml": """triggers:
- name: hourly
  pipeline_uuid: land_orders
  schedule_type: time
  schedule_interval: 5 * * * *
  start_time: 2026-01-01 00:00:00
  status: active
  last_enabled_at: 2026-01-01 00:00:00
  envs:
  - dev
  - prod
  settings:
    skip_if_previous_running: true
    timeout: 3600
- name: by hand
  schedule_type: api
  schedule_interval: null
  start_time: null
  status: inactive
""",
    "shop/pipelines/build_orders/metadata.yaml": """uuid: build_orders
type: python
blocks:
- uuid: use_orders
  type: global_data_product
  language: python
  configuration:
    global_data_product:
      uuid: orders_today
  upstream_blocks: []
  downstream_blocks: [model]
- uuid: model
  type: dbt
  language: sql
  configuration:
    file_path: ../models/orders/order_totals.sql
  upstream_blocks: [use_orders]
  downstream_blocks: [orders]
- uuid: orders
  type: dbt
  language: yaml
  configuration:
    dbt:
      command: build
    dbt_project_name: ..
    dbt_profile_target: dev
  upstream_blocks: [model]
  downstream_blocks: [totals]
- uuid: totals
  type: dbt
  language: yaml
  configuration:
    dbt: {command: run}
    dbt_project_name: ..
    dbt_profile_target: "{{ env_var('TARGET') }}"
  upstream_blocks: [orders]
  downstream_blocks: [test_totals]
- uuid: test_totals
  type: dbt
  language: yaml
  configuration:
    dbt: {command: test}
    dbt_project_name: ..
  upstream_blocks: [totals]
  downstream_blocks: []
""",
    "shop/pipelines/stream_orders/metadata.yaml": """uuid: stream_orders
type: streaming
retry_config:
  retries: 10
blocks:
- uuid: orders_topic
  type: data_loader
  language: yaml
  upstream_blocks: []
  downstream_blocks: [clean]
- uuid: clean
  type: transformer
  language: python
  upstream_blocks: [orders_topic]
  downstream_blocks: [orders_table, orders_log]
- uuid: orders_table
  type: data_exporter
  language: yaml
  upstream_blocks: [clean]
  downstream_blocks: []
- uuid: orders_log
  type: data_exporter
  language: python
  upstream_blocks: [clean]
  downstream_blocks: []
""",
    "shop/sensors/orders/files_there.py": python("sensor", "files_there", "*args, **kwargs", "True"),
    "shop/data_loaders/orders/load_orders.py": python("data_loader", "load_orders", "*args, **kwargs"),
    "shop/transformers/orders/check_orders.py": python(
        "transformer", "check_orders", "orders, *args, **kwargs"
    )
    + '\n\n@test\ndef test_output(output, *args) -> None:\n    assert output is not None, "no orders"\n',
    "shop/custom/orders/count_orders.py": python("custom", "count_orders", "orders, **kwargs", "len(orders)"),
    "shop/data_exporters/orders/export_orders.py": python(
        "data_exporter", "export_orders", "orders, **kwargs"
    ),
    "shop/callbacks/alert.py": "@callback('failure')\ndef alert(orders, **kwargs):\n    pass\n",
    "shop/conditionals/on_weekdays.py": python("condition", "on_weekdays", "*args, **kwargs", "True"),
    "shop/charts/orders_by_day.py": "x = [1, 2]\n",
    "shop/extensions/expect_ids.py": "@extension('great_expectations')\ndef ids(rows, **kwargs):\n    pass\n",
    "shop/dbts/orders.yaml": "--selector orders\n",
    "shop/dbts/totals.yaml": "--select order_totals,tag:nightly\n--exclude gone\n",
    "shop/dbts/test_totals.yaml": "--select path:models/orders order_totals+\n",
    "shop/data_loaders/orders_topic.yaml": "connector_type: nats\nserver_url: {{ env_var('NATS') }}\n",
    "shop/transformers/clean.py": python("transformer", "clean", "messages, *args, **kwargs", "messages"),
    "shop/data_exporters/orders_table.yaml": "connector_type: postgres\ndatabase: orders\n",
    "shop/data_exporters/orders_log.py": """from mage_ai.streaming.sinks.base_python import BasePythonSink

if "streaming_sink" not in globals():
    from mage_ai.data_preparation.decorators import streaming_sink


@streaming_sink
class OrdersLog(BasePythonSink):
    def init_client(self):
        pass

    def batch_write(self, messages):
        print(len(messages))
""",
}


def write(folder: Path) -> Path:
    """Writes the project below a folder; the Mage project's folder."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / MAGE
