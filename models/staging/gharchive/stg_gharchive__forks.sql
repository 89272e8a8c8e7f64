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

    {{ gharchive_records(['ForkEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        case
            -- Early events name the fork by its number alone.
            when records.schema_generation = 'events_early' then {{ json_integer('payload.forkee') }}
            else forkee.id::bigint
        end as fork_repository_id,
        fork_owner.id::bigint as fork_owner_id,

        -- strings
        records.actor_login,
        fork_owner.login as fork_owner_login,
        coalesce(forkee.full_name, fork_owner.login || '/' || forkee.name) as fork_repository_name,

        -- timestamps
        records.created_at,
        forkee.created_at as fork_created_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (forkee jsonb)
    cross join
        lateral {{ json_fields('payload.forkee') }} as forkee (
            id numeric, name text, full_name text, owner jsonb, created_at timestamptz
        )
    cross join lateral {{ json_fields('forkee.owner') }} as fork_owner (id numeric, login text)

)

select * from typed
