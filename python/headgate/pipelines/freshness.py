"""How old the newest landed data of each source is, and how old it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.errors import UsageError
from headgate.pipelines.project import read_mapping
from headgate.pipelines.waiting import query
from headgate.settings import Settings

PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

#: How far an open load reaches is known when it is closed: until then it counts from its start, and only
#: when it holds something.
NEWEST = """
    select
        source,
        entity,
        max(case status when 'open' then started_at else partition_end end),
        max(case status when 'open' then started_at else reaches_to end),
        max(finished_at)
    from ops.loads
    where status = 'landed' or (status = 'open' and lines_read > 0)
    group by source, entity
    order by source, entity
"""


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """A landing table's newest data."""

    source: str
    entity: str
    #: End of the newest partition that landed.
    newest: datetime
    #: Up to when it holds events: of what is appended the hour after the newest event.
    data_to: datetime
    #: When something last landed.
    landed_at: datetime | None
    #: How old `newest` may be; None where the source declares no limit.
    limit: timedelta | None

    def age(self, now: datetime) -> timedelta:
        """How long ago the newest partition ended; never negative."""
        return max(now - self.newest, timedelta())

    def is_late(self, now: datetime) -> bool:
        """True when it is older than it may be."""
        return self.limit is not None and self.age(now) > self.limit


def read_freshness(settings: Settings, connection: Psycopg2Connection) -> list[Freshness]:
    """The freshness of every landing table that holds something.

    Raises:
        UsageError: a declared limit is not of the form that dbt gives it.
    """
    limits = declared_limits(settings)
    return [
        Freshness(
            source=source,
            entity=entity,
            newest=newest,
            data_to=data_to,
            landed_at=landed_at,
            limit=limits.get((source, entity)),
        )
        for source, entity, newest, data_to, landed_at in query(connection, NEWEST)
    ]


def declared_limits(settings: Settings) -> dict[tuple[str, str], timedelta]:
    """(source, entity) -> limit: `freshness` as dbt has it, `error_after` before `warn_after`.

    It stands under `config` of the table, or of the source, in `_<source>__sources.yml`.

    Raises:
        UsageError: a limit is not a count and a period.
    """
    found: dict[tuple[str, str], timedelta] = {}
    for file in sorted(settings.project_dir.glob("models/staging/*/_*__sources.yml")):
        for source in read_mapping(file).get("sources") or []:
            for table in source.get("tables") or []:
                declared = _freshness(table) or _freshness(source)
                chosen = declared.get("error_after") or declared.get("warn_after")
                if chosen:
                    place = f"freshness of {source['name']}.{table['name']} in {file.name}"
                    found[source["name"], table["name"]] = _limit(chosen, place)
    return found


def _freshness(node: dict[str, Any]) -> dict[str, Any]:
    return (node.get("config") or {}).get("freshness") or node.get("freshness") or {}


def _limit(declared: Any, place: str) -> timedelta:
    try:
        return int(declared["count"]) * PERIODS[declared["period"]]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            place,
            expected="{count: NUMBER, period: minute, hour or day}",
            found=repr(declared),
            next_step="correct it",
        ) from error
