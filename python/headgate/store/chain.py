"""Which models, and which sources, feature views were built from: how SQL over the ledger begins."""

from __future__ import annotations

# Each partition names what it was built from: `model:version`, joined by `/`, or the load. Which models a
# feature view is built from is read from these names; the versions are compared in one pass.
#: $1: names of views. CTEs chain (view, model) and built_from (view, source).
CHAIN = r"""
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

    built_from as materialized (
        select distinct chain.view, built.source
        from chain
        inner join ops.built_partitions as built using (model)
    )
"""
