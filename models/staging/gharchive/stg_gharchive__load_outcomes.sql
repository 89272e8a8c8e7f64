{{ config(materialized='view') }}

with loads as (

    select * from {{ source('headgate', 'loads') }}
    where source = 'gharchive'

),

deliveries as (

    select * from {{ ref('stg_gharchive__deliveries') }}

),

quarantine as (

    select * from {{ ref('stg_gharchive__quarantine') }}

),

event_types as (

    select * from {{ ref('gharchive_event_types') }}

),

delivered as (

    select
        deliveries.partition_start,
        count(*) filter (where deliveries.is_kept) as typed_count,
        count(*) filter (where not deliveries.is_kept) as duplicates_count,
        count(*) filter (where deliveries.is_kept and event_types.event_type is null) as unknown_types_count
    from deliveries
    left join event_types on deliveries.event_type = event_types.event_type
    group by deliveries.partition_start

),

quarantined as (

    select partition_start, count(*) as quarantined_count
    from quarantine
    group by partition_start

),

joined as (

    select
        loads.load_id,
        loads.partition_start,
        loads.partition_end,
        loads.status,
        loads.error,
        loads.lines_read,
        loads.rows_landed,
        loads.rows_rejected,
        loads.rows_repaired,
        case when loads.status = 'landed' then coalesce(delivered.typed_count, 0) end as typed_count,
        case when loads.status = 'landed' then coalesce(quarantined.quarantined_count, 0) end as quarantined_count,
        case when loads.status = 'landed' then coalesce(delivered.duplicates_count, 0) end as duplicates_count,
        case when loads.status = 'landed' then coalesce(delivered.unknown_types_count, 0) end as unknown_types_count,
        loads.finished_at
    from loads
    left join delivered on loads.partition_start = delivered.partition_start
    left join quarantined on loads.partition_start = quarantined.partition_start

)

select * from joined
