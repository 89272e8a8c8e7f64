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

    {{ gharchive_records(['PullRequestReviewCommentEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        comment.id::bigint as comment_id,
        comment.in_reply_to_id::bigint as in_reply_to_comment_id,
        comment_author.id::bigint as comment_author_id,
        pull_request.id::bigint as pull_request_id,
        pull_request.number::bigint as pull_request_number,

        -- strings
        records.actor_login,
        comment_author.login as comment_author_login,
        payload.action,
        comment.author_association,
        comment.path,
        comment.commit_id as commit_sha,

        -- numerics
        length(comment.body) as body_length,
        comment.position::bigint as diff_position,

        -- timestamps
        records.created_at,
        comment.created_at as comment_created_at,
        comment.updated_at as comment_updated_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join
        lateral {{ json_fields('root.payload') }} as payload (action text, comment jsonb, pull_request jsonb)
    cross join
        lateral {{ json_fields('payload.comment') }} as comment (
            id numeric,
            in_reply_to_id numeric,
            "user" jsonb,
            author_association text,
            path text,
            commit_id text,
            body text, position numeric, created_at timestamptz, updated_at timestamptz
        )
    cross join lateral {{ json_fields('comment.user') }} as comment_author (id numeric, login text)
    cross join lateral {{ json_fields('payload.pull_request') }} as pull_request (id numeric, number numeric)

)

select * from typed
