"""Whether what dbt built may be published: built from what is landed now, and proven by every gate."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from headgate.errors import GateFailed, HeadgateError
from headgate.postgres.connection import Connection

#: How many findings an error names before it says how many more there are.
NAMED = 3

# Each partition names what it was built from: `model:version`, joined by `/`, or the load. Which models a
# feature view rests on is read from these names; the versions are compared in one pass.
CHAIN = """
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

    -- Discarded loads too, with negative numbers: their partitions are built, and hold nothing.
    landed as (
        select contract_source as source, partition_start, load_id from ops.current_loads
    )
"""

NOT_BUILT = (
    CHAIN
    + """
    select view_sources.view as model, landed.partition_start
    from (
        select distinct view, split_part(substr(model, 5), '__', 1) as source
        from chain where model like 'stg\\_%'
    ) as view_sources
    inner join landed using (source)
    left join ops.built_partitions as built
        on built.model = view_sources.view and built.partition_start = landed.partition_start
    where built.model is null and landed.load_id > 0
    union
    select missing.view, null
    from unnest($1::text[]) as missing (view)
    where not exists (select from ops.built_partitions as built where built.model = missing.view)
    order by 2, 1
"""
)

OUTDATED = (
    CHAIN
    + """
    select distinct built.model, built.partition_start
    from ops.built_partitions as built
    cross join lateral string_to_table(built.upstream_version, '/') as part
    left join ops.built_partitions as upstream
        on upstream.model = split_part(part, ':', 1) and upstream.partition_start = built.partition_start
    left join landed
        on landed.load_id::text = part and landed.partition_start = built.partition_start
    where
        built.model in (select model from chain)
        and case
            when part like '%:%' then split_part(part, ':', 2) is distinct from upstream.version
            else landed.load_id is null
        end
    order by 2, 1
"""
)

NOT_PROVEN = (
    CHAIN
    + """
    select built.model, built.partition_start
    from ops.built_partitions as built
    left join ops.certified_partitions as certified using (model, partition_start)
    where
        built.model in (select model from chain)
        and certified.version is distinct from built.version
    order by 2, 1
"""
)

FAILED_GATES = """
    select gate, model, failures from (
        select distinct on (gate) * from ops.gate_results order by gate, ran_at desc
    ) as newest
    where status in ('fail', 'error') and model = any($1)
    order by gate
"""


async def require_ready(connection: Connection, views: Iterable[str]) -> None:
    """Refuses what is not built, outdated or not proven; in the snapshot that is going to be published.

    Raises:
        HeadgateError: a view lacks a landed partition, or rests on one that was delivered or built again.
        GateFailed: a gate of a model that they rest on failed, was skipped, or ran before the last build.
    """
    names = sorted(views)
    if not names or not await connection.fetchval(
        "select exists (select from ops.built_partitions where model = any($1))", names
    ):
        raise HeadgateError(
            "feature views to publish",
            expected="at least one that dbt has built",
            found="none",
            next_step="land what a feature view is built from, then run `headgate run build_features`",
        )
    # Without statistics of a history that was filled a moment ago, the planner would loop over it.
    await connection.execute("set local enable_nestloop = off")
    missing = await connection.fetch(NOT_BUILT, names)
    outdated = await connection.fetch(OUTDATED, names)
    if missing or outdated:
        raise HeadgateError(
            "feature views to publish",
            expected="every landed partition built into each of them, from what is landed and typed now",
            found="; ".join(
                f"{what}: {_named(rows)}"
                for what, rows in (("not built", missing), ("older than its data", outdated))
                if rows
            ),
            next_step="run `dbt build` (or `headgate run build_features`) to its end; then publish again",
        )
    unproven = await connection.fetch(NOT_PROVEN, names)
    await connection.execute("set local enable_nestloop = on")
    if unproven:
        raise await _not_proven(connection, unproven)


async def _not_proven(connection: Connection, unproven: list[asyncpg.Record]) -> GateFailed:
    failed = await connection.fetch(FAILED_GATES, sorted({row["model"] for row in unproven}))
    found = f"no proof for {_named(unproven)}"
    if failed:
        gates = [
            f"gate {row['gate']} on {row['model']}"
            + (f" failed for {row['failures']} rows" if row["failures"] else " could not run")
            for row in failed[:NAMED]
        ]
        found = "; ".join(
            [*gates, *([f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else []), found]
        )
    return GateFailed(
        "gates of what is to be published",
        expected="every gate run and passed since the last build",
        found=found + "; nothing was published",
        next_step=f"run `headgate gates show {failed[0]['gate']}` to see the rows and the ways out"
        if failed
        else "run `dbt build` (or `dbt test`) so that the gates that were skipped run",
    )


def _named(rows: list[asyncpg.Record]) -> str:
    """The first findings as model and partition, and how many more."""
    named = [
        f"{row['model']} {row['partition_start']:%Y-%m-%dT%H}"
        if row["partition_start"]
        else str(row["model"])
        for row in rows[:NAMED]
    ]
    return ", ".join([*named, *([f"and {len(rows) - NAMED} more"] if len(rows) > NAMED else [])])
