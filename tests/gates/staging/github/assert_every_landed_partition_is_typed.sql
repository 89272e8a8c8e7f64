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
    and load_id not in (
        select built_partitions.load_id
        from ops.built_partitions
        where built_partitions.model = 'stg_gharchive__deliveries' and built_partitions.load_id is not null
    )
