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

    {{ gharchive_records(['IssuesEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        coalesce(issue.id::bigint, {{ json_integer('payload.issue') }}) as issue_id,
        coalesce(issue.number::bigint, payload.number::bigint) as issue_number,
        issue_author.id::bigint as issue_author_id,
        assignee.id::bigint as assignee_id,
        milestone.id::bigint as milestone_id,

        -- strings
        records.actor_login,
        issue_author.login as issue_author_login,
        payload.action,
        issue.state,
        issue.title,
        issue.author_association,

        -- numerics
        issue.comments::bigint as comments_count,
        {{ json_length('issue.labels') }} as labels_count,

        -- booleans
        issue.locked as is_locked,

        -- timestamps
        records.created_at,
        issue.created_at as issue_created_at,
        issue.updated_at as issue_updated_at,
        issue.closed_at as issue_closed_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (action text, number numeric, issue jsonb)
    cross join
        lateral {{ json_fields('payload.issue') }} as issue (
            id numeric,
            number numeric,
            state text,
            title text,
            author_association text,
            "user" jsonb,
            assignee jsonb,
            milestone jsonb, labels jsonb, comments numeric, locked boolean, created_at timestamptz,
            updated_at timestamptz, closed_at timestamptz
        )
    cross join lateral {{ json_fields('issue.user') }} as issue_author (id numeric, login text)
    cross join lateral {{ json_fields('issue.assignee') }} as assignee (id numeric)
    cross join lateral {{ json_fields('issue.milestone') }} as milestone (id numeric)

)

select * from typed
