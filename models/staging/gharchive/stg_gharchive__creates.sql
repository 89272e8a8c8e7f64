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

    {{ gharchive_records(['CreateEvent'], partitions) }}

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
        -- Early events say `object`.
        coalesce(payload.ref, payload.object_name) as ref,
        coalesce(payload.ref_type, payload.object) as ref_type,
        payload.pusher_type,
        payload.master_branch as default_branch,

        -- numerics
        length(payload.description) as description_length,

        -- timestamps
        records.created_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (
        ref text, ref_type text, object text, object_name text, pusher_type text, master_branch text,
        description text
    )

)

select * from typed
