"""How far feature views are processed: by the events of what they are built from, never by when it landed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headgate.postgres.connection import Connection

# A source reaches as far as any of its loads that a view holds; a view, as far as all of its sources do.
PROCESSED_TO = """
    with recursive edges as materialized (
        select distinct built.model, split_part(part, ':', 1) as upstream
        from ops.built_partitions as built
        cross join lateral string_to_table(built.upstream_version, '/') as part
        where part like '%:%'
    ),

    chain as (
        select view, view as model from unnest($1::text[]) as view
        union
        select chain.view, edges.upstream from chain inner join edges using (model)
    ),

    rests_on as materialized (
        select distinct chain.view, loads.contract_source
        from chain
        inner join ops.built_partitions as built using (model)
        inner join ops.loads as loads on loads.load_id::text = ltrim(built.upstream_version, '-')
        where built.upstream_version not like '%:%'
    ),

    reached as (
        select rests_on.view, rests_on.contract_source, max(loads.reaches_to) as reaches_to
        from rests_on
        inner join ops.built_partitions as built on built.model = rests_on.view
        inner join ops.loads as loads
            on
                loads.partition_start = built.partition_start
                and loads.contract_source = rests_on.contract_source
                and loads.status = 'landed'
        group by rests_on.view, rests_on.contract_source
    )

    select
        rests_on.view,
        case when bool_and(reached.reaches_to is not null) then min(reached.reaches_to) end as processed_to
    from rests_on
    left join reached using (view, contract_source)
    group by rests_on.view
"""


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
