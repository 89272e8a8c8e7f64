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

    {{ gharchive_records(['IssueCommentEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        coalesce(comment.id::bigint, payload.comment_id::bigint) as comment_id,
        coalesce(issue.id::bigint, payload.issue_id::bigint) as issue_id,
        issue.number::bigint as issue_number,
        comment_author.id::bigint as comment_author_id,

        -- strings
        records.actor_login,
        comment_author.login as comment_author_login,
        payload.action,
        comment.author_association,

        -- numerics
        length(comment.body) as body_length,

        -- booleans
        pull_request.html_url is not null as is_on_pull_request,

        -- timestamps
        records.created_at,
        comment.created_at as comment_created_at,
        comment.updated_at as comment_updated_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join
        lateral {{ json_fields('root.payload') }} as payload (
            action text, comment_id numeric, issue_id numeric, comment jsonb, issue jsonb
        )
    cross join
        lateral {{ json_fields('payload.issue') }} as issue (id numeric, number numeric, pull_request jsonb)
    cross join lateral {{ json_fields('issue.pull_request') }} as pull_request (html_url text)
    cross join
        lateral {{ json_fields('payload.comment') }} as comment (
            id numeric,
            "user" jsonb,
            author_association text,
            body text,
            created_at timestamptz,
            updated_at timestamptz
        )
    cross join lateral {{ json_fields('comment.user') }} as comment_author (id numeric, login text)

)

select * from typed
