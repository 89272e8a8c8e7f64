"""The next hour of a shop's orders: a declared feature view against the join that a dbt user would write.

The baseline joins each instant to all orders of its windows, over the whole history, as a table that dbt
builds anew; it has no gate, and no rows where a window lets go of an order. Ours adds the hour, with gates.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import Figure
from bench.project import DbtRun, Project
from bench.workbench import Workbench
from headgate.settings import find_project_dir

AT_LEAST = 10
VIEW = "customer_orders"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
DECLARED = (
    *("--events", "stg_orders__records", "--key", "customer", "--at", "recorded_at"),
    *("--windows", "1h,1d,7d", "--measure", "orders=count", "--measure", "total=sum,mean:total"),
    *("--measure", "sku=count_distinct:sku"),
)
JOINED = """
{{ config(materialized='table', schema='features', pre_hook=[], post_hook=[]) }}
select
    instants.customer,
    instants.as_of,
    count(*) filter (where orders.recorded_at >= instants.as_of - interval '1 hour') as orders_count_1h,
    count(*) filter (where orders.recorded_at >= instants.as_of - interval '1 day') as orders_count_1d,
    count(*) as orders_count_7d,
    sum(total) filter (where orders.recorded_at >= instants.as_of - interval '1 hour') as total_sum_1h,
    sum(total) filter (where orders.recorded_at >= instants.as_of - interval '1 day') as total_sum_1d,
    sum(total) as total_sum_7d,
    avg(total) filter (where orders.recorded_at >= instants.as_of - interval '1 hour') as total_mean_1h,
    avg(total) filter (where orders.recorded_at >= instants.as_of - interval '1 day') as total_mean_1d,
    avg(total) as total_mean_7d,
    count(distinct sku) filter (where orders.recorded_at >= instants.as_of - interval '1 hour') as sku_1h,
    count(distinct sku) filter (where orders.recorded_at >= instants.as_of - interval '1 day') as sku_1d,
    count(distinct sku) as sku_7d
from (
    select distinct customer, date_trunc('hour', recorded_at, 'UTC') + interval '1 hour' as as_of
    from {{ ref('stg_orders__records') }}
) as instants
inner join {{ ref('stg_orders__records') }} as orders
    on instants.customer = orders.customer
    and orders.recorded_at < instants.as_of and orders.recorded_at >= instants.as_of - interval '7 days'
group by instants.customer, instants.as_of
"""


def run(bench: Workbench) -> Iterator[Figure]:
    """Seconds of dbt's nodes: the view and its gates, the joined table."""
    count, customers, hours = (1_000_000, 20_000, 3) if bench.full else (3_000, 100, 1)
    project = Project(bench.database("orders_features", bench.servers[0]))
    for part in ("mage_pipelines", "profiles.example.yml"):
        source, target = find_project_dir() / part, project.folder / part
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    rng = random.Random(7)
    history = orders(project.folder / "history.jsonl", rng, count, customers, BEGIN, timedelta(days=DAYS))
    sample = project.folder / "sample.jsonl"
    with history.open() as lines:
        sample.write_text("".join(line for line, _ in zip(lines, range(500), strict=False)))
    headgate(project, "new", "source", "orders", "--sample", sample)
    headgate(project, "land", "orders", history)
    project.dbt("seed")
    project.dbt("run", "--select", "staging")
    headgate(project, "new", "feature-view", VIEW, *DECLARED)
    (project.folder / "models" / "features" / "orders_joined.sql").write_text(JOINED)
    built = project.build("--select", VIEW)
    bench.say(f"{count:,} orders of {customers:,} customers: {VIEW} built in {built.wall:.0f} s")
    ours, joined = [], []
    for hour in range(hours):
        at = BEGIN + timedelta(days=DAYS, hours=hour)
        per_hour = max(count // (DAYS * 24), 1)
        file = orders(project.folder / f"{hour}.jsonl", rng, per_hour, customers, at, timedelta(hours=1))
        headgate(project, "land", "orders", file)
        project.dbt("run", "--select", "path:models/staging/orders")
        ours.append(seconds(project.build("--select", VIEW)))
        joined.append(seconds(project.dbt("run", "--select", "orders_joined")))
        bench.say(f"hour {hour + 1}: declared {ours[-1]:.2f} s, joined {joined[-1]:.2f} s")
    middle = sorted(range(hours), key=lambda hour: joined[hour] / ours[hour])[hours // 2]
    name = f"next hour of {count:,} orders, view with its gates"
    yield Figure.faster(name, joined[middle], ours[middle], AT_LEAST)


def seconds(run: DbtRun) -> float:
    """What models and gates took, without dbt's own hooks."""
    return sum(took for node, took in run.nodes.items() if node.startswith(("model.", "test.")))


def orders(
    path: Path, rng: random.Random, count: int, customers: int, begin: datetime, lasting: timedelta
) -> Path:
    """Orders with equally spread times."""
    with path.open("w") as file:
        for number in range(count):
            at = begin + lasting * ((number + rng.random()) / count)
            order = {
                "id": f"{begin:%d%H}-{number}",
                "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "customer": f"c-{int(customers * rng.random() ** 2)}",
                "total": round(rng.random() * 100, 2),
                "sku": f"A{rng.randrange(200)}",
                "status": rng.choice(["open", "paid", "sent"]),
            }
            file.write(json.dumps(order) + "\n")
    return path


def headgate(project: Project, *arguments: str | Path) -> None:
    """Runs a command in the project.

    Raises:
        RuntimeError: it failed; with the end of what it printed.
    """
    command: list[str | Path] = [Path(sys.executable).with_name("headgate"), *arguments]
    done = subprocess.run(
        command, env=project.database.env, cwd=project.folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"headgate {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
