"""What a declaration of a model says, once it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

KEYS = (
    *("task", "flavour", "spine", "label", "views", "inputs", "horizon", "baseline", "group", "splits"),
    *("slices", "gates", "invariant", "directions", "forbidden", "feature_lag", "unknown_entity"),
    *("approval", "canary", "alerts", "custom"),
)
#: Keys that earlier versions took and nothing read: where what they seem to say is said.
GONE = {
    "limits": "remove it: requests are limited by `headgate serve --rate`, a day's figures below `alerts`",
}
#: Limits of a served model's days; those that are not declared are the seed's, model_alarm_limits.
ALERTS = (
    *("largest_error_rate", "largest_p95_seconds", "smallest_volume", "drift_alpha", "drift_size"),
    *("largest_p95_staleness_seconds", "largest_loss", "smallest_slice", "cost_per_hour"),
)
#: What `custom` says: the folder with the code, the modules with `predict(rows)` and `measure(rows)`, the
#: lock of an environment, rows that are tested at most, seconds that an answer may take.
CUSTOM = ("folder", "module", "metric", "lock", "rows", "timeout_seconds")


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a model is, and what it has to pass."""

    name: str
    file: Path
    description: str
    owner: str
    task: str
    flavour: str
    #: The relation with entities, instants and labels, as schema.name.
    spine: str
    label: str
    #: Feature views and the versions that they must have.
    views: Mapping[str, int]
    #: Columns of the dataset, in the order that the model takes them.
    inputs: tuple[str, ...]
    #: How long after the instant the label is known.
    horizon: timedelta
    #: The inputs of the simple model.
    baseline: tuple[str, ...]
    #: The column whose values are drawn as a whole when intervals are made.
    group: tuple[str, ...]
    #: The last part of time, which is tested on; folds and candidates of the tuning.
    test: timedelta
    folds: int
    candidates: int
    #: Name -> column of the dataset whose values are the slices.
    slices: Mapping[str, str] = field(default_factory=dict)
    #: Thresholds that differ from the policy's (`seeds/model_gates.csv`).
    gates: Mapping[str, float] = field(default_factory=dict)
    #: Inputs that must not matter, and inputs that push the score one way.
    invariant: tuple[str, ...] = ()
    directions: Mapping[str, str] = field(default_factory=dict)
    #: Patterns of columns that no input and no column of the spine may be.
    forbidden: tuple[str, ...] = ()
    #: What features of a dataset must be older than the instant at least.
    feature_lag: timedelta | None = None
    unknown_entity: str = "missing"
    approval: str = "none"
    canary: Mapping[str, Any] = field(default_factory=dict)
    alerts: Mapping[str, Any] = field(default_factory=dict)
    #: Of the task `custom`: where its code is and how it is asked (`training/custom.py`).
    custom: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spine_name(self) -> str:
        """The dbt model that makes the spine."""
        return self.spine.partition(".")[2]
