"""Alarms of deployed models, as dbt's model `monitoring.model_alarms` has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.model.monitoring.report import BUILT
from headgate.pipelines.waiting import query

DAY = timedelta(days=1)
NEWEST = """
    with deployed as (
        select distinct on (model) model, champion, challenger
        from ops.promotions order by model, promotion_id desc
    )

    select deployed.model, versions.version, newest.day
    from deployed
    cross join lateral unnest(array[champion, challenger]) as versions (version)
    cross join lateral (
        select max(day) as day from monitoring.model_traffic as traffic
        where
            traffic.model = deployed.model
            and traffic.version = versions.version
            -- Of a server whose clock was ahead there are answers of days to come.
            and traffic.day <= (now() at time zone 'UTC')::date
    ) as newest
    where versions.version is not null
    order by deployed.model, versions.version
"""
# An alarm ends when a whole day went by without it: the newest day is not over, and tells little in its first
# hours. Days as parameters, so that the views read no others.
OPEN = """
    select distinct on (alarm, subject) model, version, day, alarm, subject, sentence
    from monitoring.model_alarms
    where model = %(model)s and version = %(version)s and day = any(%(days)s)
    order by alarm, subject, day desc
"""
YESTERDAY = "select (now() at time zone 'UTC')::date - 1"


@dataclass(frozen=True, kw_only=True)
class OpenAlarm:
    """An alarm of a deployed version, on the newest day of its answers or the day before."""

    model: str
    version: int
    day: date
    alarm: str
    #: An input, a feature view or a slice; may be empty.
    subject: str
    sentence: str

    @property
    def name(self) -> str:
        """What stays the same while it stands."""
        about = f" of {self.subject}" if self.subject else ""
        return f"{self.model} version {self.version}: {self.alarm}{about}"


def open_alarms(connection: Psycopg2Connection) -> list[OpenAlarm]:
    """The alarms that stand of what is deployed; none where dbt has not built them."""
    if not query(connection, BUILT)[0][0]:
        return []
    (yesterday,) = query(connection, YESTERDAY)[0]
    found = []
    for model, version, newest in query(connection, NEWEST):
        # Of a version that nobody asks, only that nobody did yesterday is known.
        days = {yesterday} if newest is None else {newest, newest - DAY, yesterday}
        rows = query(connection, OPEN, {"model": model, "version": version, "days": sorted(days)})
        found += [OpenAlarm(**dict(zip(OpenAlarm.__annotations__, row, strict=True))) for row in rows]
    return found
