"""A feature view over events of two sources, each with its own time and key, and with expressions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.measured import Expected, Record, length
from tests.project_copy import ProjectCopy
from tests.support import Database
from tests.view_rows import compare_view, run

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.slow]

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VIEW = "customer_balance"
WINDOWS = ["6h", "7d", "lifetime"]
MEASURES = {
    "bought=count,seconds_since_last": ("bought", ["count", "seconds_since_last"], "purchase", "id"),
    "total=sum,mean,max,last:total": ("total", ["sum", "mean", "max", "last"], "purchase", "total"),
    "back.returned=count,sum,min,median,first,seconds_since_last:amount": (
        *("returned", ["count", "sum", "min", "median", "first", "seconds_since_last"]),
        *("refund", "amount"),
    ),
    "back.reasons=count_distinct:reason": ("reasons", ["count_distinct"], "refund", "reason"),
    "help.tickets=count,max:urgency": ("tickets", ["count", "max"], "ticket", "urgency"),
}
EXPRESSIONS = {
    "net_7d=total_sum_7d - returned_sum_7d": lambda row: row["total_sum_7d"] - row["returned_sum_7d"],
    "unasked_7d=bought_count_7d - tickets_count_7d": lambda row: (
        row["bought_count_7d"] - row["tickets_count_7d"]
    ),
    "return_rate_7d=returned_count_7d::double precision / nullif(bought_count_7d, 0)": lambda row: (
        row["returned_count_7d"] / row["bought_count_7d"] if row["bought_count_7d"] else None
    ),
}


def moves(count: int, seed: int) -> list[Record]:
    """Purchases and refunds; a refund names its customer otherwise, and counts when it is settled."""
    rng = random.Random(seed)
    found: list[Record] = []
    for number in range(count):
        at = BEGIN + timedelta(days=20 * rng.random()) * min(number, 1)
        customer, amount = f"c-{rng.randrange(1, 12)}", rng.randrange(1, 10**6) / 100
        common = {"id": f"m-{seed}-{number}", "created_at": iso(at)}
        if rng.random() < 0.6:
            found.append({**common, "type": "purchase", "customer": customer, "total": amount})
        else:
            settled = iso(at + timedelta(hours=rng.randrange(0, 90), seconds=7))
            refund = {"buyer": customer, "amount": amount, "settled_at": settled}
            found.append({**common, "type": "refund", **refund, "reason": rng.choice("abcd")})
    return found


def moved(records: list[Record]) -> list[Record]:
    """The first of them, delivered again with another time."""
    return [{**record, "created_at": iso(BEGIN + timedelta(days=3))} for record in records[:40]]


def tickets(count: int, seed: int) -> list[Record]:
    """What customers asked the help desk, another source; its first load begins as that of the shop does."""
    rng = random.Random(seed)
    return [
        {
            "id": f"t-{seed}-{number}",
            "type": "ticket",
            "created_at": iso(BEGIN + timedelta(days=22 * rng.random()) * min(number, 1)),
            "client": f"c-{rng.randrange(1, 14)}",
            "urgency": rng.randrange(5),
        }
        for number in range(count)
    ]


def iso(at: datetime) -> str:
    """As records have it."""
    return at.isoformat(timespec="milliseconds")


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with a source of two types of records, typed, and a view over both that is not built yet."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    shop, desk = write(made, "first", moves(400, 1)), write(made, "tickets", tickets(150, 1))
    made.headgate("new", "source", "shop", "--sample", shop, "--kind", "type", "--time", "created_at")
    made.headgate("new", "source", "desk", "--sample", desk, "--no-kind", "--time", "created_at")
    made.headgate("land", "shop", shop)
    made.headgate("land", "desk", desk)
    run(made, "stg_shop__purchases", "stg_shop__refunds", "stg_desk__records", "--no-partial-parse")
    made.headgate(
        *("new", "feature-view", VIEW, "--key", "customer"),
        *("--key", "back.customer=buyer", "--key", "help.customer=client"),
        *("--events", "stg_shop__purchases", "--events", "back=stg_shop__refunds"),
        *("--events", "help=stg_desk__records"),
        *("--at", "created_at", "--at", "back=settled_at", "--windows", ",".join(WINDOWS)),
        *(word for measure in MEASURES for word in ("--measure", measure)),
        *(word for expression in EXPRESSIONS for word in ("--expression", expression)),
    )
    return made


def test_values_are_those_of_all_relations(project: ProjectCopy) -> None:
    """Built whole, then with records that come late, come again, and are taken back, of either source."""
    first = [*moves(400, 1), *tickets(150, 1)]
    starts = project.database.query("select partition_start, count(*) from ops.current_loads group by 1")
    assert [count for _, count in starts] == [2]
    run(project, VIEW)
    compare(project, first)

    late, asked = moves(60, 2), tickets(40, 2)
    again = moved(first)
    land(project, "late", late)
    land(project, "again", again)
    run(project, VIEW)
    compare(project, [*first, *late, *again])

    land(project, "asked", asked, source="desk")
    run(project, VIEW)
    compare(project, [*first, *late, *again, *asked])

    for name in ("late", "asked"):
        load = project.database.value(f"select load_id from ops.loads where uri like '%{name}.jsonl'")
        project.headgate("loads", "discard", str(load), "--reason", "a trial", "--yes")
    run(project, VIEW)
    compare(project, [*first, *again])


def test_recount_finds_a_wrong_expression(project: ProjectCopy) -> None:
    """The recount names what was tampered with: expressions, and measures of either relation."""
    query, gate = project.database.query, f"{VIEW}_equals_a_recount"
    wrong = ["bought_seconds_since_last_lifetime", "net_7d", "return_rate_7d", "returned_sum_lifetime"]
    query(f"create table kept as select * from features.{VIEW}")
    query(f"update features.{VIEW} set {', '.join(f'{name} = coalesce({name}, 0) + 1' for name in wrong)}")
    project.dbt("test", "--select", gate, exit_code=1)

    found = query(f"select distinct feature from gate_failures.{gate} order by 1")
    assert [name for (name,) in found] == wrong
    query(f"truncate features.{VIEW}")
    query(f"insert into features.{VIEW} select * from kept")
    query("drop table kept")


def test_view_is_published(project: ProjectCopy) -> None:
    """A view of several relations passes gates and unit test, and is published whole."""
    project.dbt("test", "--select", f"{VIEW},test_type:unit")
    project.build()
    project.headgate("publish")

    published = project.database.value(f"select count(*) from feature_store.{VIEW}")
    assert published == project.database.value(f"select count(*) from features.{VIEW}") > 100


def test_labels_make_a_dataset(project: ProjectCopy) -> None:
    """Labels are those of brute force; sampled features are recounted, and a wrong one refused."""
    project.headgate(
        *("new", "spine", "bought_again", "--events", "stg_shop__purchases", "--key", "customer"),
        *(
            "--at",
            "created_at",
            "--label",
            "again=count(*) > 0",
            "--horizon",
            "12h",
            "--where",
            "total > 100",
        ),
    )
    project.dbt("build", "--no-partial-parse", "--select", "bought_again")
    bought = [
        (record["customer"], datetime.fromisoformat(record["created_at"]), record["total"])
        for record in {record["id"]: record for record in [*moves(400, 1), *moved(moves(400, 1))]}.values()
        if record["type"] == "purchase"
    ]
    horizon, last = timedelta(hours=12), max(at for _, at, _ in bought)
    labels = {
        (who, at, any(one == who and at < then <= at + horizon for one, then, _ in bought))
        for who, at, total in bought
        if total > 100 and at <= last - horizon
    }
    found = project.database.query("select customer, recorded_at, again from training.bought_again")
    assert sorted(found) == sorted(labels)
    assert {again for _, _, again in labels} == {True, False}

    create = ("dataset", "create", "again", "--spine", "training.bought_again", "--json")
    made = json.loads(project.headgate(*create).stdout)
    assert made["label"] == "again"
    assert made["leakage"]["sampled"] == made["leakage"]["from_events"][VIEW] == 50
    assert json.loads(project.headgate("dataset", "verify", "1", "--json").stdout)["same"]

    damage = f"update feature_store.{VIEW}_history set net_7d = net_7d + {{}}"
    project.database.query(damage.format(1))
    refused = project.headgate(*create, exit_code=3)
    project.database.query(damage.format(-1))
    assert json.loads(refused.stderr)["found"].startswith(f"{VIEW}__net_7d in ")


def test_dry_run_shows_columns_and_rows(project: ProjectCopy) -> None:
    """Values computed from the events that stand; neither project nor database holds anything of it."""
    shown = project.headgate(
        *("new", "feature-view", "trial", "--events", "stg_shop__purchases", "--key", "customer"),
        *("--windows", "lifetime", "--measure", "bought=count,seconds_since_last", "--dry-run"),
        *("--expression", "one=bought_count_lifetime / bought_count_lifetime"),
    )

    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line[:1].strip()}
    assert lines["bought_count_lifetime"][0] == "bigint"
    assert lines["one"][1:] == ["1"] * 10
    assert not list(project.folder.rglob("trial.*"))
    assert project.database.value("select count(*) from pg_class where relname ~ 'trial'") == 0


def test_keys_of_two_types_are_refused(project: ProjectCopy) -> None:
    """Relations of one view agree on what an entity is."""
    refused = project.headgate(
        *("new", "feature-view", "trial", "--key", "customer", "--key", "back.customer=amount"),
        *("--events", "stg_shop__purchases", "--events", "back=stg_shop__refunds"),
        exit_code=2,
    )

    assert "text, as customer of the other events" in refused.stderr


def write(project: ProjectCopy, name: str, records: Iterable[Record]) -> str:
    """Records as JSON Lines; where the file is."""
    file = project.folder / f"{name}.jsonl"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return str(file)


def land(project: ProjectCopy, name: str, records: Iterable[Record], source: str = "shop") -> None:
    """Lands records from a file of their own."""
    project.headgate("land", source, write(project, name, records))


def compare(project: ProjectCopy, records: Iterable[Record]) -> None:
    """The view holds what brute force makes of the records."""
    step = length("1h")
    assert step is not None
    measures = {
        name: (operations, lambda event, kind=kind, of=of: event.get(of) if event["type"] == kind else None)
        for name, operations, kind, of in MEASURES.values()
    }
    expressions = {text.partition("=")[0]: of for text, of in EXPRESSIONS.items()}
    kept = {record["id"]: record for record in records}.values()
    expected = Expected(["customer"], step, WINDOWS, measures, expressions)
    compare_view(project, VIEW, expected, list(map(event_of, kept)))


def event_of(record: Record) -> Record:
    """A record as the view sees it."""
    amounts = {name: Decimal(str(record[name])) for name in ("total", "amount") if name in record}
    if record["type"] == "purchase":
        return {**record, **amounts}
    if record["type"] == "ticket":
        return {**record, "customer": record["client"]}
    return {**record, **amounts, "customer": record["buyer"], "created_at": record["settled_at"]}


def test_view_is_removed(project: ProjectCopy) -> None:
    """Without leave all stays; what reads it holds it; what was published of it is there when it is gone."""
    query, count = project.database.query, f"select count(*) from feature_store.{VIEW}"
    published = project.database.value(count)
    plan = project.headgate("remove", "feature-view", VIEW, exit_code=4).stdout
    assert f"models/features/{VIEW}.yml" in plan
    assert f"features.{VIEW}, ops.entries_{VIEW}, ops.changed_{VIEW}, typed.events_by_" in plan
    assert "stays      its values in release 1" in plan
    assert "until the next publish drops it" in plan
    assert "in dataset again version 1" in plan

    reader = project.folder / "models/features/reader.sql"
    reader.write_text(f"select customer from {{{{ ref('{VIEW}') }}}}")
    refused = project.headgate("remove", "feature-view", VIEW, "--yes", exit_code=1)
    assert "reader (models/features/reader.sql)" in refused.stderr
    reader.unlink()
    assert project.database.value(f"select count(*) from features.{VIEW}") == published

    project.headgate("remove", "feature-view", VIEW, "--yes")
    assert not list(project.folder.rglob(f"{VIEW}.*"))
    indexes = "select indexrelid::regclass::text, indrelid::regclass::text from pg_index"
    of_ours = "named ~ 'events_by_' and events ~ 'shop|desk'"
    assert query(f"select * from ({indexes}) as found (named, events) where {of_ours}") == []
    left = "select table_name from information_schema.tables where table_name like %s and table_schema <> %s"
    assert query(left, f"%{VIEW}%", "feature_store") == []
    assert project.database.value(f"select count(*) from ops.built_partitions where model = '{VIEW}'") == 0
    assert project.database.value(count) == published
    changes = project.headgate("plan", exit_code=4).stdout
    assert "removed view" in changes
    unknown = project.headgate("remove", "feature-view", VIEW, "--yes", exit_code=2)
    assert "expected  a declared feature view: actor_activity, " in unknown.stderr
