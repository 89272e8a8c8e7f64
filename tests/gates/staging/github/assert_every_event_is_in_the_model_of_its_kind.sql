-- Every event whose type has a staging model of its own stands there once, and nothing else stands there.
-- Pins down a kind that lost or kept rows when its partition was delivered again.
{%- set models = {
    'CreateEvent': 'stg_gharchive__creates',
    'DeleteEvent': 'stg_gharchive__deletes',
    'ForkEvent': 'stg_gharchive__forks',
    'IssueCommentEvent': 'stg_gharchive__issue_comments',
    'IssuesEvent': 'stg_gharchive__issues',
    'PullRequestEvent': 'stg_gharchive__pull_requests',
    'PullRequestReviewCommentEvent': 'stg_gharchive__pull_request_review_comments',
    'PushEvent': 'stg_gharchive__pushes',
    'ReleaseEvent': 'stg_gharchive__releases',
    'WatchEvent': 'stg_gharchive__stars',
} %}

with events as (

    select
        partition_start,
        event_type,
        count(*) as events_count,
        sum(hashtextextended(event_id, 0)) as events_checksum
    from {{ ref('stg_gharchive__events') }}
    where
        event_type in ('{{ models | join("', '") }}')
        and {{ uncertified('stg_gharchive__deliveries') }}
    group by partition_start, event_type

),

typed as (

    {% for event_type, model_name in models.items() %}
    select
        partition_start,
        '{{ event_type }}' as event_type,
        count(*) as events_count,
        sum(hashtextextended(event_id, 0)) as events_checksum
    from {{ ref(model_name) }}
    where {{ uncertified('stg_gharchive__deliveries') }}
    group by partition_start
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    coalesce(events.partition_start, typed.partition_start) as partition_start,
    coalesce(events.event_type, typed.event_type) as event_type,
    events.events_count,
    typed.events_count as typed_count
from events
full outer join typed
    on events.partition_start = typed.partition_start and events.event_type = typed.event_type
where
    events.events_count is distinct from typed.events_count
    or events.events_checksum is distinct from typed.events_checksum
