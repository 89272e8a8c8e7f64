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

    {{ gharchive_records(['ReleaseEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        release.id::bigint as release_id,
        release_author.id::bigint as release_author_id,

        -- strings
        records.actor_login,
        release_author.login as release_author_login,
        payload.action,
        release.tag_name,
        release.name as release_name,
        release.target_commitish,

        -- numerics
        {{ json_length('release.assets') }} as assets_count,

        -- booleans
        release.draft as is_draft,
        release.prerelease as is_prerelease,

        -- timestamps
        records.created_at,
        release.created_at as release_created_at,
        release.published_at as release_published_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (action text, release jsonb)
    cross join
        lateral {{ json_fields('payload.release') }} as release (
            id numeric, tag_name text, name text, target_commitish text, author jsonb, draft boolean,
            prerelease boolean, assets jsonb, created_at timestamptz, published_at timestamptz
        )
    cross join lateral {{ json_fields('release.author') }} as release_author (id numeric, login text)

)

select * from typed
