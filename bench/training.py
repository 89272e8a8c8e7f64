"""From a dataset of 100,000 rows and 60 inputs to a registered model, against LightGBM's own time.

LightGBM's own time is what its package needs for the fits of the procedure, on matrices that are ready: each
candidate on each fold, the model itself, and the one of shuffled labels; with their predictions of what they
are tested on. Same rows, same parameters, one thread. All else is ours: reading and checking the file,
encoding, the simple model, intervals, gates, contributions, card, the registry's transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from bench.figures import Figure, interleave
from bench.servers import Database
from bench.store_data import ACTOR, BEGIN, publish_features
from bench.workbench import Workbench
from headgate.dataset.create import create
from headgate.dataset.register import Dataset
from headgate.durations import duration
from headgate.model import versions
from headgate.model.splits import folds, last_part
from headgate.model.training.estimators import CANDIDATES, FIXED
from headgate.model.training.fit import SAMPLE
from headgate.model.training.run import train
from headgate.model.versions import ModelVersion
from headgate.postgres.working import with_connection
from headgate.settings import Settings

AT_MOST = 2.0
OWN = 58
NAME = "benchmark"
VIEW = "actor_activity"
INPUTS = [f"f{number}" for number in range(OWN)]
FETCHED = [f"{VIEW}__events_count_24h", f"{VIEW}__events_count_7d"]
MODEL: dict[str, Any] = {
    "task": "binary",
    "flavour": "lightgbm",
    "spine": "training.labels",
    "label": "is_late",
    "views": {VIEW: 1},
    "inputs": [*INPUTS, *FETCHED],
    "group": "actor_id",
    "horizon": "3h",
    "splits": {"test": "75h", "folds": 2, "candidates": 3},
    "slices": {"part": "part"},
}
HOURS = 300


@dataclass(frozen=True)
class _Fit:
    """One fit of the procedure."""

    train: Any
    labels: Any
    #: What is predicted afterwards.
    test: Any
    parameters: dict[str, Any]


def run(bench: Workbench) -> Iterator[Figure]:
    """Seconds of both, in turn."""
    rows = 100_000 if bench.full else 2_000
    database = bench.database("training", bench.servers[0])
    settings = replace(database.settings, project_dir=_project(bench.scratch / "model"))
    publish_features(database, 2_000, 4)
    _label(database, rows)
    dataset = asyncio.run(create(settings, NAME, spine_model="training.labels", label="is_late"))
    made = _registered(settings, database, dataset)
    fits = list(_fits(dataset, made))
    name = (
        f"{rows:,} rows, {len(MODEL['inputs'])} inputs to a registered model; LightGBM's own {len(fits)} fits"
    )
    bench.say(f"AUC {made.figures['auc']['value']:.3f}, {len(fits)} fits")
    seconds = interleave(
        {
            "ours": lambda: _registered(settings, database, dataset),
            "lightgbm": lambda: [_fitted(fit) for fit in fits],
        },
        min(bench.rounds, 3),
    )
    yield Figure.cost(name, seconds["lightgbm"], seconds["ours"], AT_MOST)


def _registered(settings: Settings, database: Database, dataset: Dataset) -> ModelVersion:
    made = asyncio.run(train(settings, NAME, dataset.dataset_id))
    if not made.passed:
        raise RuntimeError([gate for gate in made.gates if gate["verdict"] == "failed"])
    return with_connection(
        database.settings, lambda connection: versions.register(connection, NAME, made.version)
    )


def _fits(dataset: Dataset, made: ModelVersion) -> Iterator[_Fit]:
    """What the procedure fits, with matrices that are ready."""
    table = pq.read_table(dataset.uri)
    matrix = np.column_stack([table[name].to_numpy().astype(np.float64) for name in MODEL["inputs"]])
    labels = table["is_late"].to_numpy().astype(np.float64)
    instants = table[dataset.instant].cast("int64").to_numpy()
    gap, test = (duration(MODEL["horizon"]), duration(MODEL["splits"]["test"]))
    assert gap is not None
    assert test is not None
    split = last_part(instants, test, gap)
    parts = folds(instants, split.train, MODEL["splits"]["folds"], gap)
    chosen = {name: made.parameters[name] for name in CANDIDATES[0]}
    for parameters in CANDIDATES[: MODEL["splits"]["candidates"]]:
        for part in parts:
            yield _Fit(matrix[part.train], labels[part.train], matrix[part.test], parameters)
    tested = matrix[split.test]
    yield _Fit(matrix[split.train], labels[split.train], tested, chosen)
    drawn = np.random.default_rng(1).permutation(split.train)[:SAMPLE]
    yield _Fit(matrix[drawn], np.random.default_rng(2).permutation(labels[drawn]), tested, chosen)


def _fitted(fit: _Fit) -> Any:
    import lightgbm

    given = {"objective": "binary", **FIXED, **fit.parameters}
    rounds = given.pop("num_iterations")
    data = lightgbm.Dataset(fit.train, fit.labels, params=given)
    return lightgbm.train(given, data, num_boost_round=rounds).predict(fit.test, num_threads=1)


def _label(database: Database, rows: int) -> None:
    """Labels that follow from three inputs and chance, over the hours that the features cover."""
    columns = ", ".join(f"random() as {name}" for name in INPUTS)
    database.execute(
        "create schema if not exists training",
        "create table training.labels as"
        f" select actor_id, asked_at, part, {', '.join(INPUTS)},"
        " random() < 1 / (1 + exp(-(9 * abs(f0 - 0.5) + 9 * abs(f1 - 0.5) - 5 + f2))) as is_late from ("
        f" select ({ACTOR})::bigint as actor_id,"
        f" timestamptz '{BEGIN}' + random() * {HOURS} * interval '1 hour' as asked_at,"
        f" 'part ' || entity % 5 as part, {columns}"
        f" from (select 1 + number % 2000 as entity from generate_series(1, {rows}) as number) as drawn)"
        " as made",
        "analyze training.labels",
    )


def _project(folder: Path) -> Path:
    """A folder that declares the model."""
    spine = {
        "actor_id": "bigint",
        "asked_at": "timestamptz",
        "part": "text",
        **dict.fromkeys(INPUTS, "double precision"),
        "is_late": "boolean",
    }
    view = {"actor_id": "bigint", **{name.partition("__")[2]: "bigint" for name in FETCHED}}
    models = [
        {"name": name, "columns": [{"name": column, "data_type": kind} for column, kind in columns.items()]}
        for name, columns in {"labels": spine, VIEW: view}.items()
    ]
    exposure = {
        "name": NAME,
        "type": "ml",
        "depends_on": [f"ref('{VIEW}')", "ref('labels')"],
        "config": {"meta": {"model": MODEL}},
    }
    (folder / "models").mkdir(parents=True)
    described = {"models": models, "exposures": [exposure]}
    (folder / "models" / "models.yml").write_text(yaml.safe_dump(described, sort_keys=False))
    return folder
