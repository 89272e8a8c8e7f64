"""How far feature views are processed: by the events of what they are built from, never by when it landed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headgate.postgres.connection import Connection
from headgate.store.chain import CHAIN

# A source reaches as far as any of its loads that a view holds; a view, as far as all of its sources do.
PROCESSED_TO = (
    CHAIN
    + """,

    reached as (
        select built_from.view, built_from.source, max(loads.reaches_to) as reaches_to
        from built_from
        inner join ops.built_partitions as built
            on built.model = built_from.view and built.source = built_from.source
        inner join ops.loads as loads
            on
                loads.contract_source = built.source
                and loads.partition_start = built.partition_start
                and loads.status = 'landed'
        group by built_from.view, built_from.source
    )

    select
        built_from.view,
        case when bool_and(reached.reaches_to is not null) then min(reached.reaches_to) end as processed_to
    from built_from
    left join reached using (view, source)
    group by built_from.view
"""
)


async def processed_to(connection: Connection, views: Iterable[str]) -> dict[str, datetime | None]:
    """Up to which instant each view covers every event; None where a source of it has nothing landed.

    Args:
        connection: in the snapshot that is going to be published.
        views: names of feature views that dbt has built.
    """
    names = sorted(views)
    found = {row["view"]: row["processed_to"] for row in await connection.fetch(PROCESSED_TO, names)}
    return {name: found.get(name) for name in names}


def earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """The instant up to which all are processed; None when one of them does not know."""
    known = list(instants)
    return min((one for one in known if one), default=None) if all(known) else None
