"""Frozen histograms of a model's inputs and scores, which later ones are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headgate.model.signature import Input
from headgate.model.versions import Histogram

BINS = 10
SCORE = "score"


def references(
    inputs: Sequence[Input], matrix: Any, categories: Mapping[str, Sequence[str]], scores: Any
) -> list[Histogram]:
    """A histogram of each input over the rows learned from, and one of the tested scores."""
    found = [
        _of_categories(given.name, matrix[:, place], categories[given.name])
        if given.name in categories
        else of_numbers(given.name, matrix[:, place])
        for place, given in enumerate(inputs)
    ]
    return [*found, of_numbers(SCORE, scores)]


def of_numbers(name: str, values: Any) -> Histogram:
    """Bins of about equal rows; equal values are never parted."""
    known = values[~np.isnan(values)]
    shares = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, shares, method="lower")) if len(known) else np.array([])
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return Histogram(
        feature=name,
        edges=edges.tolist(),
        labels=[],
        counts=counts.tolist(),
        missing=int(len(values) - len(known)),
    )


def _of_categories(name: str, places: Any, labels: Sequence[str]) -> Histogram:
    known = places[~np.isnan(places)].astype(int)
    counts = np.bincount(known, minlength=len(labels))
    # Unknown and missing texts are NaN alike; of the rows learned from, the rare ones are among them.
    missing = int(len(places) - len(known))
    return Histogram(
        feature=name, edges=[], labels=list(labels), counts=[*counts.tolist(), 0], missing=missing
    )
