{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['repository_id', 'hour']},
        {'columns': ['actor_id', 'hour']},
        {'columns': ['repository_id', 'actor_id', 'hour']},
        {'columns': ['actor_id', 'repository_id', 'hour']},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set upstream = [
    'stg_gharchive__deliveries', 'stg_gharchive__issues', 'int_pull_requests__attributed_to_authors',
] %}
{%- set partitions = stale_partitions(upstream) %}

{#- What features are made of has passed every gate of the staging layer. -#}
{%- do waits_for([
    'stg_gharchive__creates', 'stg_gharchive__deletes', 'stg_gharchive__duplicates', 'stg_gharchive__forks',
    'stg_gharchive__issue_comments', 'stg_gharchive__load_outcomes', 'stg_gharchive__pull_request_review_comments',
    'stg_gharchive__push_commits', 'stg_gharchive__pushes', 'stg_gharchive__releases', 'stg_gharchive__stars',
]) %}
{{ builds(partitions) }}

with events as (

    select * from {{ ref('stg_gharchive__events') }}
    where {{ in_partitions(partitions) }}

),

issues as (

    select * from {{ ref('stg_gharchive__issues') }}
    where {{ in_partitions(partitions) }}

),

pull_requests as (

    select * from {{ ref('int_pull_requests__attributed_to_authors') }}
    where {{ in_partitions(partitions) }}

),

known_bots as (

    select * from {{ ref('known_bots') }}

),

acted as (

    select
        events.partition_start,
        events.created_at,
        events.repository_id,
        events.actor_id,
        events.actor_login,
        events.event_type,
        issues.action as issue_action,
        pull_requests.outcome,
        null::text as authored_outcome
    from events
    left join issues on events.event_type = 'IssuesEvent' and events.event_id = issues.event_id
    left join
        pull_requests
        on events.event_type = 'PullRequestEvent' and events.event_id = pull_requests.event_id

),

-- Outcomes of pull requests count for their authors, whoever acted.
authored as (

    select
        partition_start,
        created_at,
        repository_id,
        author_id as actor_id,
        author_login as actor_login,
        null::text as event_type,
        null::text as issue_action,
        null::text as outcome,
        outcome as authored_outcome
    from pull_requests
    where author_id is not null

),

unioned as (

    select * from acted
    union all
    select * from authored

),

marked as (

    select
        unioned.*,
        date_trunc('hour', unioned.created_at, 'UTC') as hour,
        coalesce(unioned.actor_login like '%[bot]' or known_bots.actor_login is not null, false) as is_bot
    from unioned
    left join known_bots on unioned.actor_login = known_bots.actor_login

),

summed as (

    select
        partition_start,
        hour,
        repository_id,
        actor_id,
        count(event_type) as events_count,
        count(*) filter (where event_type = 'PushEvent') as pushes_count,
        count(*) filter (where event_type = 'WatchEvent') as stars_count,
        count(*) filter (where event_type = 'ForkEvent') as forks_count,
        count(*) filter (where issue_action = 'opened') as issues_opened_count,
        count(*) filter (where issue_action = 'closed') as issues_closed_count,
        count(*) filter (where event_type = 'IssueCommentEvent') as issue_comments_count,
        count(*) filter (where outcome = 'opened') as pull_requests_opened_count,
        count(*) filter (where outcome = 'merged') as pull_requests_merged_count,
        count(*) filter (where outcome = 'rejected') as pull_requests_rejected_count,
        count(*) filter (where authored_outcome = 'opened') as authored_pull_requests_opened_count,
        count(*) filter (where authored_outcome = 'merged') as authored_pull_requests_merged_count,
        count(*) filter (where authored_outcome = 'rejected') as authored_pull_requests_rejected_count,
        count(event_type) filter (where is_bot) as bot_events_count,
        bool_or(is_bot) as is_bot,
        min(created_at) filter (where event_type is not null) as first_event_at,
        max(created_at) filter (where event_type is not null) as last_event_at,
        max(created_at) filter (where event_type = 'PushEvent') as last_push_at
    from marked
    group by partition_start, hour, repository_id, actor_id

)

select * from summed
