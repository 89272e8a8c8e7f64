"""A made-up shop with a model of a known mechanism: store, project folder, dataset."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from headgate.dataset.create import create
from headgate.dataset.register import Dataset
from headgate.model.training.run import train
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import open_psycopg2
from headgate.scaffold.model_removal import plan_model_removal
from headgate.scaffold.removal import Removal
from headgate.settings import Settings
from tests.small_store import SmallStore, at
from tests.support import ROOT, Database

ROWS, SHOPS, HOURS = 1600, 160, 40
SPINE = {
    "shop_id": "bigint",
    "asked_at": "timestamptz",
    "size": "double precision",
    "age": "bigint",
    "noise": "double precision",
    "colour": "text",
    "is_big": "boolean",
    "is_shipped": "boolean",
}
MODEL: dict[str, Any] = {
    "task": "binary",
    "flavour": "lightgbm",
    "spine": "training.labels",
    "label": "is_shipped",
    "views": {"shop_activity": 1},
    "inputs": ["size", "age", "noise", "colour", "shop_activity__orders_count_7d"],
    "baseline": ["size", "age", "shop_activity__orders_count_7d"],
    "group": "shop_id",
    "horizon": "3h",
    "splits": {"test": "10h", "folds": 1, "candidates": 2},
    "slices": {"big": "is_big", "colour": "colour"},
    "invariant": ["noise"],
    "directions": {"size": "increasing"},
    "forbidden": ["updated_*"],
    # Of a thousand rows trees learn some noise by heart.
    "gates": {"invariance": 0.1},
}


@dataclass
class Shop:
    """Rows of the spine by column, and the probability that each label was drawn with."""

    columns: dict[str, list[Any]]
    chance: np.ndarray[Any, Any]


def shop(seed: int = 1, *, signal: float = 1.0) -> Shop:
    """Requests of shops; what ships depends on size, age and the shop's orders."""
    drawn = np.random.default_rng(seed)
    shop_id = drawn.integers(0, SHOPS, ROWS)
    size, noise = drawn.normal(size=(2, ROWS))
    age = drawn.integers(0, 10, ROWS)
    orders = shop_id % 7
    # Neither the middle ages nor the shops of one kind are a matter of more or less.
    logit = signal * (1.5 * size + 3.0 * np.isin(age, (3, 4, 5, 6)) + 0.4 * (orders - 3) - 1.2)
    chance = 1 / (1 + np.exp(-logit))
    hours = np.sort(drawn.uniform(1, HOURS, ROWS))
    return Shop(
        {
            "shop_id": shop_id.tolist(),
            "asked_at": [at(hour).isoformat() for hour in hours],
            "size": [None if place % 97 == 0 else value for place, value in enumerate(size.tolist())],
            "age": [None if place % 89 == 0 else value for place, value in enumerate(age.tolist())],
            "noise": noise.tolist(),
            "colour": [("red", "green", "blue")[value] for value in drawn.integers(0, 3, ROWS)],
            "is_big": (size > 1).tolist(),
            "is_shipped": (drawn.uniform(size=ROWS) < chance).tolist(),
        },
        chance,
    )


class Project:
    """A database with the shop's release, and a folder that declares the model."""

    def __init__(self, database: Database, folder: Path, made: Shop | None = None) -> None:
        self.database, self.folder = database, folder
        self.shop = made or shop()
        self.store = SmallStore(database)
        self.settings: Settings = replace(database.settings, project_dir=folder, home=folder / "home")

    def fill(self) -> None:
        """Makes feature view, spine and release 1."""
        self.store.land()
        self.store.view("shop_activity", {"shop_id": "bigint"}, {"orders_count_7d": "bigint"})
        self.database.query(
            "insert into features.shop_activity (shop_id, orders_count_7d, as_of)"
            " select shop, shop %% 7, %s from generate_series(0, %s) as shop",
            at(0),
            SHOPS,
        )
        assert self.store.publish() == 1
        self.spine(self.shop.columns)

    def spine(self, columns: Mapping[str, list[Any]], types: Mapping[str, str] = SPINE) -> None:
        """Replaces the labels."""
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        described = ", ".join(f"{name} {kind}" for name, kind in types.items())
        self.database.query("create schema if not exists training")
        self.database.query("drop table if exists training.labels")
        self.database.query(f"create table training.labels ({described})")
        self.database.query(
            f"insert into training.labels select * from jsonb_to_recordset(%s) as given ({described})",
            json.dumps(rows),
        )

    def declare(self, types: Mapping[str, str] = SPINE, **changed: Any) -> Path:
        """Writes the contracts and the declaration; the declaration's file."""
        folder = self.folder / "models"
        folder.mkdir(exist_ok=True)
        contracts = {
            "labels": types,
            "shop_activity": {"shop_id": "bigint", "orders_count_7d": "bigint"},
        }
        models = [
            {
                "name": name,
                "columns": [{"name": column, "data_type": kind} for column, kind in columns.items()],
            }
            for name, columns in contracts.items()
        ]
        (folder / "contracts.yml").write_text(yaml.safe_dump({"models": models}, sort_keys=False))
        exposure = {
            "name": "shipping",
            "type": "ml",
            "description": "Whether a request ships.",
            "owner": {"name": "Tests"},
            "depends_on": ["ref('shop_activity')", "ref('labels')"],
            "config": {"meta": {"model": {**MODEL, **changed}}},
        }
        file = folder / "shipping.yml"
        file.write_text(yaml.safe_dump({"exposures": [exposure]}, sort_keys=False))
        return file

    def scaffold(self) -> None:
        """Gives the folder what new models are made from."""
        templates = "mage_pipelines/templates"
        shutil.copytree(ROOT / templates, self.folder / templates, dirs_exist_ok=True)
        (self.folder / "dbt_project.yml").write_text("name: shop\n")

    def removal(self, name: str) -> Removal:
        """What `headgate remove model` would do."""
        with contextlib.closing(open_psycopg2(self.database.dsn)) as connection:
            return plan_model_removal(self.folder, name, connection)

    def dataset(self, lag: str = "none", label: str = "is_shipped") -> Dataset:
        """A dataset of the spine as it stands."""
        return run(
            lambda: create(self.settings, "shipping", spine_model="training.labels", label=label, lag=lag)
        )

    def train(self, dataset: Dataset, **changed: Any) -> ModelVersion:
        """Declares and trains."""
        self.declare(**changed)
        return run(lambda: train(self.settings, "shipping", dataset.dataset_id))


def run(work: Callable[[], Any]) -> Any:
    """What a coroutine comes to, also where a loop runs already."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(lambda: asyncio.run(work())).result()


def gate(made: ModelVersion, name: str) -> dict[str, Any]:
    """What a gate said."""
    return next(found for found in made.gates if found["gate"] == name)


def failed(made: ModelVersion) -> set[str]:
    """The gates that did not pass."""
    return {found["gate"] for found in made.gates if found["verdict"] == "failed"}
