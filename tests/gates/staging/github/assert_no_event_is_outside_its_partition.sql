-- No typed event is newer, or older, than the partition that delivered it allows.
-- Pins down dates in the future or in 1970, which would move every window that they fall into.
with events as (

    select * from {{ ref('stg_gharchive__events') }}
    where {{ uncertified('stg_gharchive__deliveries') }}

),

outcomes as (

    select * from {{ ref('stg_gharchive__load_outcomes') }}
    where
        status = 'landed'
        and {{ uncertified('stg_gharchive__deliveries') }}

),

tolerance as (

    select make_interval(hours => max(time_tolerance_hours)) as tolerance
    from {{ ref('contract_paths') }}
    where source_name = 'gharchive'

)

select
    events.partition_start,
    events.line_number,
    events.event_id,
    events.created_at
from events
inner join outcomes on events.partition_start = outcomes.partition_start
cross join tolerance
where
    events.created_at is null
    or events.created_at < outcomes.partition_start - tolerance.tolerance
    or events.created_at >= outcomes.partition_end + tolerance.tolerance
