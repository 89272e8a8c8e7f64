"""New models: a declaration that follows from a dataset, to be corrected by whoever knows the problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from headgate.dataset import register, spine
from headgate.dataset.create import readable_release
from headgate.dataset.register import Dataset
from headgate.durations import duration, written
from headgate.errors import UsageError
from headgate.model.declaration import all_declarations
from headgate.model.declaration_reader import NAME, SCORE
from headgate.model.signature import NUMBERS, TEXTS
from headgate.postgres.actor import account
from headgate.postgres.connection import Connection
from headgate.scaffold import custom_model as custom
from headgate.scaffold.files import NewFiles
from headgate.scaffold.model_pipelines import model_files
from headgate.scaffold.served_models import PROJECT
from headgate.store.reading.catalog import PublishedView, key_columns
from headgate.store.views import quoted

#: The part of the dataset's time that is tested.
TESTED = 4
SIMPLE = 5
#: Where the code of custom models stands: outside `models`, whose Python files dbt takes for its own.
FOLDER = "model_code"


async def new_model(
    connection: Connection,
    project_dir: Path,
    name: str,
    dataset_id: int,
    horizon: str | None = None,
    task: str | None = None,
    schedule: str | None = None,
) -> NewFiles:
    """The declaration of a model, in which every usable column of the dataset is an input, and its pipelines.

    Args:
        connection: to the database.
        project_dir: folder that holds dbt_project.yml.
        name: the model's name.
        dataset_id: the dataset that it is going to be trained on, or one like it.
        horizon: how long after the instant a label is known, such as 2d; by default what its spine declares.
        task: one of `TASKS`; by default what the label looks like.
        schedule: cron expression of its training, UTC; without one that trigger is inactive.

    Raises:
        UsageError: the name is no good or taken, there is no such dataset, or it has no label.
    """
    _require_free(project_dir, name)
    dataset = await register.find(connection, dataset_id)
    horizon = _horizon(project_dir, dataset, horizon)
    if dataset.label is None:
        raise UsageError(
            f"dataset {dataset_id}",
            expected="one with a label",
            found="none",
            next_step="make it with --label, or declare the label with its spine",
        )
    release = await readable_release(connection, dataset.release_id, bound=True)
    views = release.chosen(dataset.views)
    keys = [key for key, _ in key_columns(views)]
    rows = await connection.fetch(spine.COLUMNS, dataset.spine_table)
    left_out = {spine.PLACE, dataset.instant, dataset.label, *keys}
    own = [row["name"] for row in rows if row["name"] not in left_out and _is_input(row["name"], row["type"])]
    fetched = [
        f"{view.name}__{column.name}" for view in views for column in view.columns if _takes(column.type)
    ]
    numbers = [*own, *fetched]
    if not numbers:
        raise UsageError(
            f"dataset {dataset_id}",
            expected="columns to learn from: numbers, booleans or texts, beside keys, instant and label",
            found="none",
            next_step="make it with --views, or select more columns in its spine",
        )
    texts = {row["name"] for row in rows if row["type"] in TEXTS} | _texts(views)
    kinds = {row["name"]: row["type"] for row in rows}
    chosen = task or _task(kinds[dataset.label], dataset.label_counts)
    model = {
        "task": chosen,
        "flavour": "pyfunc" if chosen == "custom" else "lightgbm",
        "spine": dataset.spine_model,
        "label": dataset.label,
        "horizon": horizon,
        "group": _group(views) or dataset.instant,
        "views": {view.name: view.version for view in views},
        "inputs": numbers,
        **(_code(name) if chosen == "custom" else {"baseline": _simple(numbers, texts)}),
        "splits": {"test": await _tested(connection, dataset), "folds": 2, "candidates": 3},
        **({"feature_lag": written(timedelta(seconds=dataset.lag_seconds))} if dataset.lag_seconds else {}),
        "unknown_entity": "missing",
        "approval": "none",
    }
    is_custom = chosen == "custom"
    spine_name = dataset.spine_model.partition(".")[2]
    files = {
        f"models/exposures/{name}.yml": _text(name, dataset, model),
        **(custom.files(f"{FOLDER}/{name}", dataset.label, numbers) if is_custom else {}),
        **model_files(project_dir, name, spine_name, schedule, is_custom=is_custom),
    }
    return NewFiles(project_dir, files, frozenset({PROJECT}))


def _group(views: Sequence[PublishedView]) -> str | list[str] | None:
    """The whole key of the first view's entity."""
    keys = list(views[0].key_names) if views else []
    return keys[0] if len(keys) == 1 else keys or None


def _task(kind: str, counts: Mapping[str, int]) -> str:
    """Yes and no are binary, texts are classes, other numbers quantities."""
    if kind == "boolean" or (counts and set(counts) <= {"0", "1", "none"}):
        return "binary"
    return "multiclass" if kind.partition("(")[0] in TEXTS else "regression"


def _simple(inputs: Sequence[str], texts: set[str]) -> list[str]:
    return [given for given in inputs if given not in texts][:SIMPLE]


def _code(name: str) -> dict[str, Any]:
    return {"custom": {"folder": f"{FOLDER}/{name}", "rows": 200, "timeout_seconds": 60}}


def _horizon(project_dir: Path, dataset: Dataset, given: str | None) -> str:
    """What was given, else what the dataset's spine declares."""
    horizon = given or spine.declared(project_dir, dataset.spine_model).horizon
    if horizon is not None and duration(horizon) is not None:
        return horizon
    raise UsageError(
        "--horizon",
        expected="a duration such as 3h or 2d",
        found=horizon or f"none, and none that {dataset.spine_model} declares (config.meta.spine)",
        next_step="say how long after the instant the label is known",
    )


def _require_free(project_dir: Path, name: str) -> None:
    taken = name in all_declarations(project_dir)
    if not NAME.fullmatch(name) or taken:
        raise UsageError(
            "name of a model",
            expected="a free name of lower case letters, digits and underscores, at most 40",
            found=f"{name}, which is declared already" if taken else repr(name),
            next_step="choose another one"
            + (", or add --pipelines in place of --dataset for the pipelines that it lacks" if taken else ""),
        )


def _takes(kind: str) -> bool:
    return kind.partition("(")[0] in (*NUMBERS, *TEXTS, "boolean")


def _is_input(name: str, kind: str) -> bool:
    """Numbers that name something are no quantities, and one name is the answer's."""
    return _takes(kind) and name not in ("id", SCORE) and not name.endswith("_id")


def _texts(views: tuple[PublishedView, ...]) -> set[str]:
    return {
        f"{view.name}__{column.name}" for view in views for column in view.columns if column.type in TEXTS
    }


async def _tested(connection: Connection, dataset: Dataset) -> str:
    at, table = quoted(dataset.instant), dataset.spine_table.partition(".")[2]
    found = await connection.fetchrow(
        f"select min({at}) as first, max({at}) as last from datasets.{quoted(table)}"  # noqa: S608
    )
    assert found is not None
    if found["first"] is None:
        raise UsageError(
            f"dataset {dataset.dataset_id}",
            expected="rows to learn from",
            found="none",
            next_step="make it anew once its spine has rows",
        )
    first: datetime = found["first"]
    last: datetime = found["last"]
    return written(max((last - first) // TESTED // timedelta(hours=1), 1) * timedelta(hours=1))


def _text(name: str, dataset: Dataset, model: dict[str, Any]) -> str:
    spine_name = dataset.spine_model.partition(".")[2]
    exposure = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": "ml",
        "maturity": "low",
        "description": f"Predicts {dataset.label} of {spine_name} within {model['horizon']}.",
        "depends_on": [f"ref('{named}')" for named in (*model["views"], spine_name)],
        "owner": {"name": account() or "unknown"},
        "config": {"meta": {"model": model}},
    }
    return yaml.dump({"exposures": [exposure]}, Dumper=_Indented, sort_keys=False, width=110)


class _Indented(yaml.SafeDumper):
    """Lists stand further in than what they belong to, as in the project's other files."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without an indent."""
        super().increase_indent(flow, False)
