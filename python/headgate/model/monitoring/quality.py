"""How good a version's answers were, by the labels that are known by now; and an estimate without labels."""

from __future__ import annotations

import json
import math
from typing import Any

from headgate.model.deployment.evidence import expects_labels, labels_of
from headgate.model.deployment.statistics.means import interval
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection

#: Chance that an interval of the mean loss misses it on one side.
ALPHA = 0.025
BLIND = "blind to concept drift: it believes the scores"


async def quality(connection: Connection, version: ModelVersion) -> list[dict[str, Any]]:
    """Loss and calibration of the labelled answers of the day's sample: of all, then by slice and value."""
    if not expects_labels(version):
        return []
    slices = version.manifest["options"].get("slices") or {}
    scored = "(select * from day_sample where score is not null) as answered"
    rows = await connection.fetch(
        f"select answered.*, labels.label from {scored} {labels_of(version, 'answered')}"  # noqa: S608
        " where labels.label is not null order by answered_at, key"
    )
    groups: dict[tuple[str, str], list[Any]] = {("all", ""): list(rows)}
    for row in rows:
        features = json.loads(row["features"] or "{}")
        for name, column in slices.items():
            groups.setdefault((name, str(features.get(column))), []).append(row)
    return [
        {"slice": name, "value": value, **_scored(found)} for (name, value), found in groups.items() if found
    ]


def estimate(figures: dict[str, Any]) -> dict[str, Any]:
    """What the Brier score would be if the scores were true chances; says what it cannot see."""
    return {"expected_brier": figures["expected_brier"], "note": BLIND}


def _scored(rows: list[Any]) -> dict[str, Any]:
    pairs = [(float(row["score"]), float(row["label"])) for row in rows]
    losses = interval(((score - label) ** 2 for score, label in pairs), ALPHA)
    variance = sum(score * (1 - score) for score, _ in pairs)
    excess = sum(label - score for score, label in pairs)
    return {
        "rows": len(pairs),
        "loss": losses.mean,
        "low": losses.low,
        "high": losses.high,
        "mean_score": sum(score for score, _ in pairs) / len(pairs),
        "mean_label": sum(label for _, label in pairs) / len(pairs),
        #: Standard deviations that the labels lie from the scores; beyond 3 they are not calibrated.
        "calibration_z": excess / math.sqrt(variance) if variance > 0 else None,
    }
