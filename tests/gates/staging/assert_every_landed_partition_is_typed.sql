-- Nothing that had landed before this run began is still waiting to be typed.
-- Pins down a typed layer that silently falls behind landing.
with outcomes as (

    select * from {{ ref('stg_gharchive__load_outcomes') }}

)

select
    load_id,
    partition_start,
    rows_landed
from outcomes
where
    status = 'landed'
    and finished_at < timestamptz '{{ run_started_at.isoformat() }}' - interval '1 minute'
    and partition_start not in (
        select built_partitions.partition_start
        from ops.built_partitions
        where built_partitions.model = 'stg_gharchive__deliveries'
    )
