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

    {{ gharchive_records(['PushEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        payload.push_id::bigint,

        -- strings
        records.actor_login,
        payload.ref,
        coalesce(payload.head, payload.after) as head_sha,
        payload.before as before_sha,

        -- numerics
        case
            -- A webhook delivers the commits, and not how many they are.
            when records.schema_generation = 'webhooks'
                then {{ matches_count('root.payload', '$.commits[*]') }}
            else payload.size::bigint
        end as commits_count,
        case
            when records.schema_generation = 'webhooks'
                then {{ matches_count('root.payload', '$.commits[*] ? (@.distinct == true)') }}
            else payload.distinct_size::bigint
        end as distinct_commits_count,

        -- timestamps
        records.created_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (
        push_id numeric, ref text, head text, after text, before text, size numeric, distinct_size numeric
    )

)

select * from typed
