{{ config(materialized='view') }}

with loads as (

    select * from {{ source('headgate', 'loads') }}
    where contract_source = 'gharchive'

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

joined as (

    select
        loads.load_id,
        loads.source as source_name,
        loads.partition_start,
        loads.partition_end,
        loads.status,
        loads.error,
        loads.lines_read,
        loads.rows_landed,
        loads.rows_rejected,
        loads.rows_repaired,
        case when loads.status = 'landed' then delivered.typed_count end as typed_count,
        case when loads.status = 'landed' then quarantined.quarantined_count end as quarantined_count,
        case when loads.status = 'landed' then delivered.duplicates_count end as duplicates_count,
        case when loads.status = 'landed' then delivered.unknown_types_count end as unknown_types_count,
        loads.finished_at
    from loads
    left join lateral (
        select
            count(*) filter (where deliveries.is_kept) as typed_count,
            count(*) filter (where not deliveries.is_kept) as duplicates_count,
            count(*) filter (where deliveries.is_kept and event_types.event_type is null)
                as unknown_types_count
        from deliveries
        left join event_types on deliveries.event_type = event_types.event_type
        where loads.status = 'landed' and deliveries.partition_start = loads.partition_start
    ) as delivered on true
    left join lateral (
        select count(*) as quarantined_count
        from quarantine
        where loads.status = 'landed' and quarantine.partition_start = loads.partition_start
    ) as quarantined on true

)

select * from joined
