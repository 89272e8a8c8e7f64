{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['event_id'], 'unique': true},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['stg_gharchive__deliveries']) %}
{{ builds(partitions) }}

with records as (

    {{ gharchive_records(['WatchEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,

        -- strings
        records.actor_login,
        -- A webhook says `created`.
        case when payload.action = 'created' then 'started' else payload.action end as action,

        -- timestamps
        records.created_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (action text)

)

select * from typed
