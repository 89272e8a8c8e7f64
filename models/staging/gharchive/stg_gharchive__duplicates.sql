{{ config(materialized='view') }}

with deliveries as (

    select * from {{ ref('stg_gharchive__deliveries') }}

),

dropped as (

    select
        partition_start,
        line_number,
        event_id,
        event_type,
        created_at
    from deliveries
    where not is_kept

)

select * from dropped
