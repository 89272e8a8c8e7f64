"""`headgate new feature-view`: declared over typed orders, exact whatever comes late or goes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.measured import Expected, Record, length
from tests.project_copy import ProjectCopy
from tests.support import Database
from tests.view_rows import compare_view, run

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.slow]

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MEASURES = {
    "orders=count,seconds_since_last": ("orders", ["count", "seconds_since_last"], lambda order: True),
    "paid=count where status = 'paid'": ("paid", ["count"], lambda order: order["status"] == "paid" or None),
    "total=sum,mean,min,max,stddev,median,p90,first,last:total": (
        *("total", ["sum", "mean", "min", "max", "stddev", "median", "p90", "first", "last"]),
        lambda order: order["total"],
    ),
    "paid_total=sum:total where status = 'paid'": (
        *("paid_total", ["sum"]),
        lambda order: order["total"] if order["status"] == "paid" else None,
    ),
    "express=any,all,share:express": ("express", ["any", "all", "share"], lambda order: order["express"]),
    "skus=count_distinct:sku": ("skus", ["count_distinct"], lambda order: order["sku"]),
    "note=first,last,min,count:note": (
        *("note", ["first", "last", "min", "count"]),
        lambda order: order["note"],
    ),
}
VIEWS = {
    "orders_by_minute": (["customer_id"], "1m", ["5m", "1h"]),
    "orders_by_hour": (["customer_id"], "1h", ["6h", "7d", "lifetime"]),
    "region_orders": (["region", "express"], "1d", ["1d", "30d"]),
}


def orders(count: int, seed: int, days: int = 40) -> list[Record]:
    """Orders, a tenth of them of one customer; some of no region, some at the full hour."""
    rng = random.Random(seed)
    found: list[Record] = []
    for number in range(count):
        at = BEGIN + timedelta(days=days * rng.random())
        at = at.replace(minute=0, second=0) if rng.random() < 0.05 else at
        found.append(
            {
                "order_id": f"o-{seed}-{number}",
                "customer_id": "c-1" if rng.random() < 0.1 else f"c-{rng.randrange(2, 30)}",
                "region": rng.choice(["eu", "us", "apac", None]),
                "created_at": at.isoformat(timespec="milliseconds"),
                "status": rng.choice(["paid", "open", "refunded"]),
                "total": Decimal(rng.randrange(1, 10**7)) / 100,
                "sku": f"s-{rng.randrange(12)}",
                "express": rng.random() < 0.3,
                "note": rng.choice([None, None, "gift", "urgent", "later"]),
            }
        )
    return found


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a source of orders, typed, and three views over it that are not built yet."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    file = write(made.folder / "orders.jsonl", orders(600, 1))
    made.headgate("new", "source", "shop", "--sample", file)
    made.headgate("land", "shop", file)
    run(made, "stg_shop__records", "--no-partial-parse")
    for name, (keys, resolution, windows) in VIEWS.items():
        made.headgate(
            *("new", "feature-view", name, "--events", "stg_shop__records", "--at", "created_at"),
            *(word for key in keys for word in ("--key", key)),
            *("--resolution", resolution, "--windows", ",".join(windows)),
            *(word for measure in MEASURES for word in ("--measure", measure)),
        )
    return made


def test_values_are_those_of_the_records(project: ProjectCopy) -> None:
    """First built whole, then with orders that come late, come again, and are taken back."""
    first = orders(600, 1)
    run(project, *VIEWS)
    compare(project, first)

    late = orders(60, 2)
    again = [changed(order) for order in random.Random(3).sample(first, 40)]
    land(project, "late", late)
    land(project, "again", again)
    run(project, *VIEWS)
    compare(project, [*first, *late, *again])

    discarded = project.database.value("select load_id from ops.loads where uri like '%late.jsonl'")
    project.headgate("loads", "discard", str(discarded), "--reason", "a trial", "--yes")
    run(project, *VIEWS)
    compare(project, [*first, *again])


def test_gates_find_wrong_values_and_rows(project: ProjectCopy) -> None:
    """The recount fails on a value that was tampered with, the other gate on a row too many or too few."""
    query = project.database.query
    gates = ("test", "--select", "orders_by_hour,test_type:data")
    project.dbt(*gates)

    query("update features.orders_by_hour set total_sum_7d = total_sum_7d + 0.01")
    project.dbt(*gates, exit_code=1)
    query("update features.orders_by_hour set total_sum_7d = total_sum_7d - 0.01")

    query("create table kept as select * from features.orders_by_hour")
    query("update features.orders_by_hour set as_of = as_of + interval '1 year'")
    project.dbt(*gates, exit_code=1)
    query("delete from features.orders_by_hour")
    project.dbt(*gates, exit_code=1)
    query("insert into features.orders_by_hour select * from kept")
    query("drop table kept")
    project.dbt(*gates)


def test_views_are_published(project: ProjectCopy) -> None:
    """Every gate and unit test passes; the feature store takes declared views up as it does any other."""
    project.dbt("test", "--select", *(f"{name},test_type:unit" for name in VIEWS))
    project.build()
    project.headgate("publish")

    for name in VIEWS:
        published = project.database.value(f"select count(*) from feature_store.{name}")
        assert published == project.database.value(f"select count(*) from features.{name}") > 100


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--key", "owner"], "--key owner"),
        (["--at", "status"], "timestamp with time zone"),
        (["--windows", "1h,60m"], "different lengths of time"),
        (["--windows", "90m"], "multiples of 1h"),
        (["--resolution", "2h"], "1m or 5m or 1h or 1d"),
        (["--measure", "total=sum"], "behind a colon"),
        (["--measure", "status=sum:status"], "a number for sum"),
        (["--measure", "total=any:total"], "a boolean for any"),
        (["--measure", "express=min:express"], "a type of which PostgreSQL has min"),
        (["--measure", "note=count_distinct:to_json(note)"], "a type of which PostgreSQL has count_distinct"),
        (["--measure", "note=last:to_json(note)"], "a type of which PostgreSQL has last"),
        (["--measure", "pair=last:array[total, 1]"], "a type of which PostgreSQL has last"),
        (["--measure", "pair=first:(total, note)"], "a type of which PostgreSQL has first"),
        (["--measure", "code=max:note::char(4)"], "a type of which PostgreSQL has max"),
        (["--measure", "total=product:total"], "operations among"),
        (["--measure", "total=sum:totl"], 'column "totl" does not exist'),
        (["--measure", "total=count where total"], "a condition behind where"),
        (["--measure", "total=max:max(total)"], "aggregate functions are not allowed"),
        (["--measure", "rank=max:row_number() over ()"], "window functions are not allowed"),
        (["--measure", "paid=count where count(*) > 1"], "aggregate functions are not allowed"),
        (["--measure", "desk.total=sum:total"], "events of the view: shop"),
        (["--measure", f"{'m' * 41}=count"], "at most 40 characters"),
        (["--expression", "x=events_count_2d"], 'column "events_count_2d" does not exist'),
        (["--expression", "x=sum(events_count_1d)"], "aggregate functions are not allowed"),
        (["--expression", "events_count_1d=1"], "different names"),
        (["--expression", "customer_id=1"], "different names"),
        (["--expression", "as_of=1"], "no column called as_of"),
        (["--expression", "user=events_count_1d"], "call it user_value"),
        (["--expression", "xmin=events_count_1d"], "call it xmin_value"),
        (["--key", "customer_id", "--key", "customer_id"], "customer_id twice"),
        (["--measure", "young=count where created_at > now() - interval '1 day'"], "found     now"),
        (["--expression", "x=events_count_1d * RANDOM()"], "found     RANDOM"),
        (["--expression", "x=1 / events_count_1d"], "division by zero"),
        (["--measure", "inverse=mean:1 / (total - total)"], "division by zero"),
        (["--measure", "number=sum:status::integer"], "found     invalid input syntax for type integer\n"),
        (["--measure", "paid=count where total > 1) or (total < 0"], "syntax error"),
        (["--measure", "pair=count:total, note"], "2 columns"),
        (["--measure", "mine=count where note = user"], "found     user"),
        (["--measure", "fresh=count where created_at > 'today'::date"], "found     'today'::date"),
        (["--measure", "age=max:age(created_at)"], "found     age(created_at)"),
        (["--at", "desk=created_at"], "one of shop"),
        (["--key", "shop.customer=customer_id"], "the columns of the entity key"),
        (["--events", "stg_shop__nothing"], "no such relation"),
    ],
)
def test_wrong_options_are_refused(project: ProjectCopy, options: list[str], said: str) -> None:
    """What is no column, window or measure is refused with what would be; nothing is written."""
    given = {"--events": "stg_shop__records", "--key": "customer_id", "--windows": "1d"}
    words = [word for pair in {**given, options[0]: options[1]}.items() for word in pair] + options[2:]
    refused = project.headgate("new", "feature-view", "trial", *words, exit_code=2)

    assert said in refused.stderr
    assert not Path(project.folder / "models/features/trial.sql").exists()


def test_name_of_another_model_is_refused(project: ProjectCopy) -> None:
    """Two models cannot have one name, and a view that stands is not overwritten."""
    words = ("--events", "stg_shop__records", "--key", "customer_id")
    taken = project.headgate("new", "feature-view", "contract_drift", *words, exit_code=2)
    assert "a name that no model has" in taken.stderr

    standing = project.headgate("new", "feature-view", "region_orders", *words, exit_code=4)
    assert "region_orders.sql" in standing.stderr


def land(project: ProjectCopy, name: str, records: Iterable[Record]) -> None:
    """Lands records from a file of their own."""
    project.headgate("land", "shop", write(project.folder / f"{name}.jsonl", records))


def write(file: Path, records: Iterable[Record]) -> Path:
    """Records as JSON Lines, amounts as numbers."""
    lines = (json.dumps({**record, "total": float(record["total"])}) for record in records)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def changed(order: Record) -> Record:
    """The order as it came again: another amount, perhaps another customer, another time."""
    rng = random.Random(str(order["order_id"]))
    at = datetime.fromisoformat(order["created_at"]) + rng.choice([timedelta(0), timedelta(days=-3, hours=5)])
    return {
        **order,
        "total": order["total"] + Decimal("1.01"),
        "customer_id": rng.choice([order["customer_id"], "c-2"]),
        "created_at": at.isoformat(timespec="milliseconds"),
    }


def compare(project: ProjectCopy, records: Iterable[Record]) -> None:
    """Every row stands where it has to, and a thousand values of each view are those of the records."""
    kept = {record["order_id"]: record for record in records}.values()
    for name, (keys, resolution, windows) in VIEWS.items():
        step = length(resolution)
        assert step is not None
        measures = {measure: (operations, of) for measure, operations, of in MEASURES.values()}
        compare_view(project, name, Expected(keys, step, windows, measures), kept)
