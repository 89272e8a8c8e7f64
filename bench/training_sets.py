"""Point-in-time training sets to Arrow, against Feast's PostgreSQL offline store and DuckDB's ASOF join.

DuckDB's way fetches the rows that the release holds, as Arrow, and joins them there. Feast is asked for one
view at a time, which it is fastest at: asked for several at once, it joins them without statistics.
Its statements end after a minute; one that was ended counts as that minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.environments import Companion, python_with
from bench.feast_peer import SECONDS_AT_MOST, feast
from bench.figures import Figure, interleave
from bench.servers import Database
from bench.store_data import ACTOR, BEGIN, REPOSITORY, generated_views, publish_features
from bench.workbench import Workbench
from headgate import FeatureStore

DUCKDB = ("duckdb>=2", "adbc-driver-postgresql", "pyarrow", "numpy<3")
VIEWS = ["repository_activity", "actor_activity", "contributor_activity"]
SPINE = "training.labels"
FASTER_THAN_FEAST, FASTER_THAN_DUCKDB = 5, 2
#: Labels four times as many may take this many times the memory.
MEMORY_AT_MOST = 1.25
LABELS = (
    "select label_id, repository_id, actor_id, opened_at as event_timestamp, is_merged from training.labels"
)


def run(bench: Workbench) -> Iterator[Figure]:
    """Seconds against both, then memory."""
    entities, per_entity, labels = (50_000, 8, 100_000) if bench.full else (300, 4, 500)
    database = bench.database("training_sets", bench.servers[0])
    publish_features(database, entities, per_entity)
    _label(database, entities, per_entity * 5, labels)
    bench.say(f"{labels:,} labels, {entities * per_entity * len(VIEWS):,} rows in the histories")
    yield from _against_duckdb(bench, database)
    yield from _against_feast(bench, database)
    few = _peak(database)
    _label(database, entities, per_entity * 5, 4 * labels)
    many = _peak(database)
    yield Figure(
        name=f"memory of streaming {4 * labels:,} labels to Parquet, against {labels:,}",
        unit="MB",
        baseline=few,
        ours=many,
        ratio=many / few,
        at_most=MEMORY_AT_MOST,
    )


def _against_duckdb(bench: Workbench, database: Database) -> Iterator[Figure]:
    python = python_with(bench, "duckdb", DUCKDB)
    ways = {"ours": lambda: _train(database, VIEWS)}
    name = "training set of three views to Arrow"
    if python is None:
        yield Figure.amount(name, "s", interleave(ways, bench.rounds)["ours"])
        return
    views = [
        {"name": view.name, "keys": list(view.keys), "columns": [*view.columns]} for view in generated_views()
    ]
    described = json.dumps({"dsn": database.dsn, "spine": SPINE, "release": 1, "views": views})
    script = Path(__file__).with_name("duckdb_script.py")
    with Companion(python, script, described, env=database.env) as other:
        _train(database, VIEWS)
        other.ask(do="train")
        seconds = interleave({**ways, "duckdb": lambda: other.ask(do="train")}, bench.rounds)
    yield Figure.faster(
        f"{name}, against fetching and DuckDB's ASOF", seconds["duckdb"], seconds["ours"], FASTER_THAN_DUCKDB
    )


def _against_feast(bench: Workbench, database: Database) -> Iterator[Figure]:
    with feast(bench, database) as other:
        if other is None:
            return
        seconds = {}
        for view in VIEWS:
            found = other.ask(do="training", views=[view], labels=LABELS)
            bench.say(
                f"Feast: {view} in {'more than a minute, ended' if found is None else f'{found:.1f} s'}"
            )
            seconds[view] = SECONDS_AT_MOST if found is None else found
    for views, words in ((VIEWS[:2], "two views with one key column each"), (VIEWS, "three views")):
        ours = interleave({"ours": lambda chosen=views: _train(database, chosen)}, bench.rounds)["ours"]
        yield Figure.faster(
            f"training set of {words} to Arrow, against Feast view by view",
            sum(seconds[view] for view in views),
            ours,
            FASTER_THAN_FEAST,
        )


def _train(database: Database, views: list[str]) -> None:
    with (
        FeatureStore.sync(database.dsn) as store,
        store.training_set(SPINE, views, instant="opened_at") as joined,
    ):
        if not joined.read_all().num_rows:
            raise RuntimeError("an empty training set")


def _label(database: Database, entities: int, hours: int, labels: int) -> None:
    """Labels of entities drawn at random, at random instants of the history."""
    database.execute(
        "create schema if not exists training",
        "drop table if exists training.labels",
        f"create table training.labels as select label_id, ({REPOSITORY})::bigint as repository_id,"
        f" ({ACTOR})::bigint as actor_id, opened_at, is_merged from ("
        f" select label_id, 1 + floor(random() * {entities})::bigint as entity,"
        f" timestamptz '{BEGIN}' + random() * {hours} * interval '1 hour' as opened_at,"
        f" random() < 0.5 as is_merged from generate_series(1, {labels}) as label_id) as drawn",
        "alter table training.labels add primary key (label_id)",
        "analyze training.labels",
        "checkpoint",
    )


def _peak(database: Database) -> float:
    """Megabytes at the peak of a process that streams the training set to Parquet."""
    program = (
        "import json, resource, sys; from headgate import FeatureStore\n"
        "dsn, spine, views, path = json.loads(sys.argv[1])\n"
        "with FeatureStore.sync(dsn) as store:\n"
        "    with store.training_set(spine, views, instant='opened_at') as joined:\n"
        "        joined.write_parquet(path)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    asked = json.dumps([database.dsn, SPINE, VIEWS, str(database.folder / "streamed.parquet")])
    done = subprocess.run(
        [sys.executable, "-c", program, asked], env=database.env, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
