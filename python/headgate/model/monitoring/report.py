"""A day of a served model as one report: figures, drift, skew, quality, cost; alarms with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.model import versions
from headgate.model.deployment.evidence import has_log
from headgate.model.monitoring import answers, quality, skew
from headgate.model.monitoring.answers import Window
from headgate.model.monitoring.drift import Drift, judged
from headgate.model.monitoring.policy import AlarmPolicy, alarm_policy
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """What a day of a version looked like."""

    model: str
    version: int
    day: str
    figures: dict[str, Any]
    drift: list[Drift]
    skew: list[dict[str, Any]]
    quality: list[dict[str, Any]]
    estimate: dict[str, Any]
    cost: dict[str, Any]
    alarms: list[str]

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {**self.__dict__, "drift": [drift.as_dict() for drift in self.drift]}


async def monitor(connection: Connection, version: ModelVersion, window: Window) -> Monitored | None:
    """The report of a version's day; None where no prediction was ever landed."""
    if not await has_log(connection):
        return None
    policy = alarm_policy(version.manifest["options"])
    references = await versions.references(connection, version.model, version.version)
    async with connection.transaction(isolation="repeatable_read"):
        await answers.take(connection, version, window)
        figures = await answers.figures(connection)
        drift = judged(await answers.histograms(connection, version, references), policy)
        skewed = await skew.skew(connection, version)
        scored = await quality.quality(connection, version)
    return Monitored(
        model=version.model,
        version=version.version,
        day=window.day.isoformat(),
        figures=figures,
        drift=drift,
        skew=skewed,
        quality=scored,
        estimate=quality.estimate(figures),
        cost=_cost(figures, policy),
        alarms=[
            *_operation(figures, policy),
            *_drifted(drift),
            *_skewed(skewed),
            *_lossy(scored, policy),
        ],
    )


def _operation(figures: dict[str, Any], policy: AlarmPolicy) -> list[str]:
    volume = figures["volume"]
    rate = figures["failed"] / volume if volume else 0.0
    limits = (
        ("share of failed answers", rate, policy.largest_error_rate),
        ("p95 of latency in seconds", figures["p95_seconds"], policy.largest_p95_seconds),
        (
            "p95 of the features' age in seconds",
            figures["p95_staleness_seconds"],
            policy.largest_p95_staleness_seconds,
        ),
    )
    found = [
        f"{name}: {value:.4g} of {volume} answers, at most {limit:g}"
        for name, value, limit in limits
        if limit is not None and value is not None and value > limit
    ]
    if policy.smallest_volume is not None and volume < policy.smallest_volume:
        found.append(f"volume: {volume} answers, at least {policy.smallest_volume}")
    return found


def _drifted(drift: list[Drift]) -> list[str]:
    return [
        f"drift of {found.feature}: PSI {found.psi:.3f}, corrected p {found.q_value:.2g} ({found.rows} keys)"
        for found in drift
        if found.is_alarm
    ]


def _skewed(skewed: list[dict[str, Any]]) -> list[str]:
    said = {
        "differing": "with other values than the store's history",
        "unknown": "at an instant that the release has no row of",
        "behind": "from an older row than the release's newest: a stale online table",
    }
    return [
        f"skew of view {found['view']}, release {found['release_id']}:"
        f" {found[what]} of {found['compared']} answers served {sentence}"
        for found in skewed
        for what, sentence in said.items()
        if found[what]
    ]


def _lossy(scored: list[dict[str, Any]], policy: AlarmPolicy) -> list[str]:
    return [
        f"loss{_of(found)}: {found['loss']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
        f" ({found['rows']} labels), at most {policy.largest_loss:g}"
        for found in scored
        if policy.largest_loss is not None and found["low"] > policy.largest_loss
    ]


def _of(found: dict[str, Any]) -> str:
    return "" if found["slice"] == "all" else f" where {found['slice']} is {found['value']}"


def _cost(figures: dict[str, Any], policy: AlarmPolicy) -> dict[str, Any]:
    """Seconds of answering, and their price where one is declared, for a thousand predictions."""
    volume, seconds = figures["volume"], figures["total_seconds"]
    if not volume or seconds is None:
        return {"seconds_per_thousand": None, "cost_per_thousand": None}
    thousand = seconds / volume * 1000
    price = None if policy.cost_per_hour is None else thousand / 3600 * policy.cost_per_hour
    return {"seconds_per_thousand": thousand, "cost_per_thousand": price}
