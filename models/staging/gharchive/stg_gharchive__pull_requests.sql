{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['event_id'], 'unique': true},
        {'columns': ['pull_request_id']},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['stg_gharchive__deliveries']) %}
{{ builds(partitions) }}

with records as (

    {{ gharchive_records(['PullRequestEvent'], partitions) }}

),

typed as (

    select
        -- ids
        records.event_id,
        records.partition_start,
        records.line_number,
        records.actor_id,
        records.repository_id,
        pull_request.id::bigint as pull_request_id,
        coalesce(payload.number::bigint, pull_request.number::bigint) as pull_request_number,
        author.id::bigint as author_id,
        merged_by.id::bigint as merged_by_id,
        assignee.id::bigint as assignee_id,
        milestone.id::bigint as milestone_id,
        head_repository.id::bigint as head_repository_id,
        base_repository.id::bigint as base_repository_id,

        -- strings
        records.schema_generation,
        records.actor_login,
        author.login as author_login,
        merged_by.login as merged_by_login,
        payload.action,
        {{ pull_request_outcome('payload.action', 'pull_request.merged', 'records.schema_generation') }}
            as outcome,
        pull_request.state,
        pull_request.title,
        pull_request.author_association,
        pull_request.mergeable_state,
        pull_request.merge_commit_sha,
        head.ref as head_ref,
        head.sha as head_sha,
        base.ref as base_ref,
        base.sha as base_sha,
        base_repository.full_name as base_repository_name,
        base_repository.language as base_repository_language,

        -- numerics
        length(pull_request.body) as body_length,
        {{ json_length('pull_request.labels') }} as labels_count,
        pull_request.comments::bigint as comments_count,
        pull_request.review_comments::bigint as review_comments_count,
        pull_request.commits::bigint as commits_count,
        pull_request.additions::bigint as additions_count,
        pull_request.deletions::bigint as deletions_count,
        pull_request.changed_files::bigint as changed_files_count,
        base_repository.stargazers_count::bigint as base_repository_stars_count,
        base_repository.forks_count::bigint as base_repository_forks_count,
        base_repository.open_issues_count::bigint as base_repository_open_issues_count,

        -- booleans
        case
            -- Of what was closed early, nothing says how.
            when records.schema_generation = 'events_early' and payload.action = 'closed'
                then pull_request.merged
            else coalesce(pull_request.merged, payload.action = 'merged')
        end as is_merged,
        pull_request.mergeable as is_mergeable,
        pull_request.draft as is_draft,
        pull_request.locked as is_locked,
        pull_request.maintainer_can_modify as is_modifiable_by_maintainers,

        -- timestamps
        records.created_at,
        pull_request.created_at as pull_request_created_at,
        pull_request.updated_at as pull_request_updated_at,
        pull_request.closed_at as pull_request_closed_at,
        pull_request.merged_at as pull_request_merged_at
    from records
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join
        lateral {{ json_fields('root.payload') }} as payload (action text, number numeric, pull_request jsonb)
    cross join
        lateral {{ json_fields('payload.pull_request') }} as pull_request (
            id numeric,
            number numeric,
            state text,
            title text,
            body text,
            "user" jsonb,
            merged_by jsonb,
            assignee jsonb,
            milestone jsonb,
            labels jsonb,
            head jsonb,
            base jsonb,
            author_association text,
            mergeable_state text,
            merge_commit_sha text, merged boolean, mergeable boolean, draft boolean, locked boolean,
            maintainer_can_modify boolean,
            comments numeric,
            review_comments numeric,
            commits numeric,
            additions numeric,
            deletions numeric, changed_files numeric, created_at timestamptz, updated_at timestamptz,
            closed_at timestamptz, merged_at timestamptz
        )
    cross join lateral {{ json_fields('pull_request.user') }} as author (id numeric, login text)
    cross join lateral {{ json_fields('pull_request.merged_by') }} as merged_by (id numeric, login text)
    cross join lateral {{ json_fields('pull_request.assignee') }} as assignee (id numeric)
    cross join lateral {{ json_fields('pull_request.milestone') }} as milestone (id numeric)
    cross join lateral {{ json_fields('pull_request.head') }} as head (ref text, sha text, repo jsonb)
    cross join lateral {{ json_fields('head.repo') }} as head_repository (id numeric)
    cross join lateral {{ json_fields('pull_request.base') }} as base (ref text, sha text, repo jsonb)
    cross join lateral {{ json_fields('base.repo') }} as base_repository (
        id numeric, full_name text, language text, stargazers_count numeric, forks_count numeric,
        open_issues_count numeric
    )

)

select * from typed
