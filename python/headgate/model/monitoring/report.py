"""A day of a served model as one report, read from what dbt built: `models/monitoring/predictions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection

BLIND = "blind to concept drift: it believes the scores"
#: What stands once dbt has built the monitoring of served models.
BUILT = "select to_regclass('monitoring.model_alarms') is not null"
DAY = "model = $1 and version = $2 and day = $3"
PLACE = ("partition_start", "day", "model", "version")
# Of one view, all rows of a version's day; the last column orders them.
PARTS = {
    "drift": "select * from monitoring.input_drift where {day} order by psi desc, input",
    "skew": """
        select
            view, release_id, sum(compared_count)::bigint as compared,
            sum(differing_count)::bigint as differing, sum(unknown_count)::bigint as unknown,
            sum(behind_count)::bigint as behind
        from monitoring.skew where {day} group by view, release_id order by release_id, view
    """,
    "quality": "select * from monitoring.quality where {day} order by slice <> 'all', slice, slice_value",
    "alarms": "select * from monitoring.model_alarms where {day} order by alarm, subject",
}


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A figure of a day that passed its limit."""

    #: errors, latency, staleness, volume, drift, differing, unknown, behind or loss.
    alarm: str
    #: An input, a feature view or a slice; may be empty.
    subject: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """What a day of a version looked like."""

    model: str
    version: int
    day: str
    figures: dict[str, Any]
    drift: list[dict[str, Any]]
    skew: list[dict[str, Any]]
    quality: list[dict[str, Any]]
    estimate: dict[str, Any]
    cost: dict[str, Any]
    alarms: list[Alarm]

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {**self.__dict__, "alarms": [alarm.__dict__ for alarm in self.alarms]}


async def is_built(connection: Connection) -> bool:
    """Whether dbt has built the monitoring of served models."""
    return bool(await connection.fetchval(BUILT))


async def monitor(connection: Connection, version: ModelVersion, day: date) -> Monitored | None:
    """The report of a version's day, UTC; None where dbt has built none of it."""
    if not await is_built(connection):
        return None
    place = (version.model, version.version, day)
    async with connection.transaction(isolation="repeatable_read"):
        row = await connection.fetchrow(f"select * from monitoring.model_days where {DAY}", *place)  # noqa: S608
        parts = {
            name: await connection.fetch(statement.format(day=DAY), *place)
            for name, statement in PARTS.items()
        }
    if row is None and not parts["alarms"]:
        return None
    figures = _values(row) if row is not None else {"answers_count": 0}
    return Monitored(
        model=version.model,
        version=version.version,
        day=day.isoformat(),
        estimate={"expected_brier": figures.pop("expected_brier", None), "note": BLIND},
        cost={name: figures.pop(name, None) for name in ("seconds_per_thousand", "cost_per_thousand")},
        figures=figures,
        drift=[_values(found) for found in parts["drift"]],
        skew=[_values(found) for found in parts["skew"]],
        quality=[_values(found) for found in parts["quality"]],
        alarms=_alarms(parts["alarms"]),
    )


async def waiting(connection: Connection) -> int:
    """Answers that have landed and are in no build yet."""
    number: int = await connection.fetchval(
        """
        select coalesce(sum(loads.rows_landed), 0)::bigint
        from ops.loads as loads
        where
            loads.contract_source = 'predictions'
            and loads.status in ('open', 'landed')
            and not exists (
                select from ops.built_partitions as built
                where
                    built.model = 'model_traffic'
                    and built.source = 'predictions'
                    and built.partition_start = loads.partition_start
            )
        """
    )
    return number


def _alarms(rows: Sequence[Any]) -> list[Alarm]:
    names = ("alarm", "subject", "sentence")
    return [Alarm(**{name: row[name] for name in names}) for row in rows]


def _values(row: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(row).items() if name not in PLACE}
