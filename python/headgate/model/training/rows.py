"""The rows of a dataset as a model takes them: a matrix, labels, instants, groups, slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headgate.dataset.digest import file_sha256
from headgate.dataset.register import Dataset
from headgate.errors import HeadgateError, UsageError
from headgate.model import encoding
from headgate.model.declared import Declaration
from headgate.model.signature import TEXTS, Input
from headgate.model.tasks.base import Task

Vector: TypeAlias = "np.ndarray[Any, Any]"
#: Texts have at most so many categories; rarer ones count as unknown.
CATEGORIES = 50


@dataclass(frozen=True)
class Rows:
    """A dataset's rows that have a label, in the dataset's order."""

    table: pa.Table
    #: As the task counts them, by row, with the names of the classes.
    labels: Vector
    classes: tuple[str, ...]
    #: Microseconds since 1970, by row.
    instants: Vector
    #: Rows that were left out, for they have no label.
    unlabelled: int

    def categories(self, inputs: Sequence[Input], places: Vector) -> dict[str, list[str]]:
        """The categories of the text inputs in some of the rows."""
        return {
            given.name: encoding.categories_of(self.table[given.name].take(places), most=CATEGORIES)
            for given in inputs
            if given.type in TEXTS
        }

    def values(self, column: str, places: Vector) -> list[Any]:
        """The values of a column in some of the rows."""
        found: list[Any] = self.table[column].take(places).to_pylist()
        return found

    def groups(self, columns: Sequence[str], places: Vector) -> list[Any]:
        """What some of the rows are drawn by; None of a row that lacks a part of it."""
        parts = zip(*(self.values(column, places) for column in columns), strict=True)
        return [None if None in part else part for part in parts]


def read_rows(declared: Declaration, dataset: Dataset, task: Task, others: Iterable[str] = ()) -> Rows:
    """Reads the dataset's file, after holding it against its hash; of other columns those that it has.

    Raises:
        HeadgateError: the file is gone, or is not the one that was made.
        UsageError: it lacks a column, or its labels are not those of the task.
    """
    path = Path(dataset.uri)
    found = file_sha256(path) if path.is_file() else None
    if found != dataset.content_sha256:
        raise HeadgateError(
            f"dataset {dataset.dataset_id}, file {path.name}",
            expected=f"SHA-256 {dataset.content_sha256[:12]}",
            found=found[:12] if found else "no such file",
            next_step="make the dataset anew from its spine: `headgate dataset create`",
        )
    needed = dict.fromkeys(
        (*declared.inputs, declared.label, *declared.group, dataset.instant, *declared.slices.values())
    )
    names = pq.read_schema(path).names
    _require_columns(declared, dataset, list(needed), names)
    table = pq.read_table(path, columns=list({**needed, **dict.fromkeys(set(others) & set(names))}))
    has_label = pc.is_valid(table[declared.label])
    labelled = table.filter(has_label)
    labels = task.labels(labelled[declared.label], f"model {declared.name}, label {declared.label}")
    return Rows(
        labelled,
        labels.values,
        labels.classes,
        pc.cast(pc.cast(labelled[dataset.instant], pa.timestamp("us", "UTC")), pa.int64()).to_numpy(),
        table.num_rows - labelled.num_rows,
    )


def _require_columns(
    declared: Declaration, dataset: Dataset, needed: Sequence[str], names: Sequence[str]
) -> None:
    missing = [name for name in needed if name not in names]
    if missing:
        raise UsageError(
            f"dataset {dataset.dataset_id}, for model {declared.name}",
            expected="a column for each input, the label, the group and the slices",
            found=f"none named {', '.join(missing)}",
            next_step="make a dataset with the spine and the views that the model declares",
        )
