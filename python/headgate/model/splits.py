"""Parts of a dataset by time, with a gap of the horizon: no label is known before what is tested begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from headgate.errors import UsageError

Vector: TypeAlias = "np.ndarray[Any, Any]"
MINUTE = 60_000_000
#: A fold with fewer rows to learn from says nothing.
SMALLEST_FOLD = 30


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to test on, by their places."""

    train: Vector
    test: Vector
    #: When the test begins, microseconds since 1970.
    begins: int


def last_part(instants: Vector, test: timedelta, gap: timedelta) -> Split:
    """The last part of time to test on, what is a gap older to learn from.

    Args:
        instants: microseconds since 1970, by row.
        test: how long the last part is; its end is the last instant, rounded up to a minute.
        gap: from the last instant learned from to the first tested.

    Raises:
        UsageError: one of the parts has no rows.
    """
    end = -(-(int(instants.max()) + 1) // MINUTE) * MINUTE
    begins = end - _microseconds(test)
    split = _parted(instants, begins, end, _microseconds(gap))
    if not len(split.train) or not len(split.test):
        raise UsageError(
            "splits of the dataset",
            expected=f"rows in the last {test} and rows that are {gap} older",
            found=f"{len(split.test)} and {len(split.train)} of {len(instants)}",
            next_step="make a dataset of a longer time, or shorten splits.test or the horizon",
        )
    return split


def folds(instants: Vector, train: Vector, count: int, gap: timedelta) -> list[Split]:
    """Expanding folds of the rows to learn from, each with the gap; those with too few rows are left out."""
    known = instants[train]
    if not count or not len(known):
        return []
    edges = np.quantile(known, np.linspace(0.4, 1, count + 1), method="lower").astype(np.int64)
    edges[-1] += 1
    found = []
    for begins, ends in pairwise(edges):
        split = _parted(known, int(begins), int(ends), _microseconds(gap))
        if min(len(split.train), len(split.test)) >= SMALLEST_FOLD:
            found.append(Split(train[split.train], train[split.test], split.begins))
    return found


def _parted(instants: Vector, begins: int, ends: int, gap: int) -> Split:
    return Split(
        train=np.flatnonzero(instants < begins - gap),
        test=np.flatnonzero((instants >= begins) & (instants < ends)),
        begins=begins,
    )


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
