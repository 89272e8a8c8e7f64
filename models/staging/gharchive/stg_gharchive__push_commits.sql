{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['event_id', 'commit_position'], 'unique': true},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['stg_gharchive__deliveries']) %}
{{ builds(partitions) }}

with records as (

    {{ gharchive_records(['PushEvent'], partitions) }}

),

payloads as (

    select
        records.event_id,
        records.partition_start,
        records.line_number,
        records.repository_id,
        records.created_at,
        payload.commits,
        payload.shas
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (commits jsonb, shas jsonb)

),

-- The timeline's commits are arrays: sha, e-mail, message, name, distinct.
commits as (

    select
        payloads.event_id,
        payloads.partition_start,
        payloads.line_number,
        pushed.commit_position,
        payloads.repository_id,
        pushed.commit_sha,
        pushed.author_email_hash,
        pushed.author_name_hash,
        pushed.message_length,
        pushed.is_distinct,
        payloads.created_at
    from payloads
    cross join lateral (
        select
            commits.position as commit_position,
            coalesce(commit.sha, commit.id) as commit_sha,
            author.email as author_email_hash,
            author.name as author_name_hash,
            length(commit.message) as message_length,
            commit.distinct as is_distinct
        from {{ json_elements('payloads.commits') }} as commits (element, position)
        cross join
            lateral {{ json_fields('commits.element') }}
                as commit (sha text, id text, message text, "distinct" boolean, author jsonb)
        cross join lateral {{ json_fields('commit.author') }} as author (email text, name text)
        union all
        select
            shas.position as commit_position,
            shas.element ->> 0 as commit_sha,
            shas.element ->> 1 as author_email_hash,
            shas.element ->> 3 as author_name_hash,
            length(shas.element ->> 2) as message_length,
            (shas.element ->> 4)::boolean as is_distinct
        from {{ json_elements('payloads.shas') }} as shas (element, position)
    ) as pushed

)

select * from commits
