{{ config(materialized='view') }}

with deliveries as (

    select * from {{ ref('stg_gharchive__deliveries') }}

),

kept as (

    select
        partition_start,
        line_number,
        event_id,
        event_type,
        schema_generation,
        actor_id,
        actor_login,
        repository_id,
        repository_name,
        organization_id,
        organization_login,
        is_public,
        created_at
    from deliveries
    where is_kept

)

select * from kept
