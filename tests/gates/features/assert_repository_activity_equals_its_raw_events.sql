-- A random sample of rows equals a brute-force count over the raw JSONB of its windows.
-- Pins down any slip of the running sums. What looks back for ever, and the median, are not recounted.
{%- set windows = {'1h': 1, '24h': 24, '7d': 168} %}
{%- set conditions = {
    'events_count': 'true',
    'pushes_count': "raw.event_type = 'PushEvent'",
    'stars_count': "raw.event_type = 'WatchEvent'",
    'forks_count': "raw.event_type = 'ForkEvent'",
    'issues_opened_count': "raw.event_type = 'IssuesEvent' and raw.action = 'opened'",
    'issues_closed_count': "raw.event_type = 'IssuesEvent' and raw.action = 'closed'",
    'issue_comments_count': "raw.event_type = 'IssueCommentEvent'",
    'pull_requests_opened_count': "raw.event_type = 'PullRequestEvent' and raw.action = 'opened'",
    'pull_requests_merged_count': "raw.event_type = 'PullRequestEvent' and (raw.action = 'merged' or (raw.action = 'closed' and raw.is_merged))",
    'pull_requests_rejected_count': "raw.event_type = 'PullRequestEvent' and raw.action = 'closed' and raw.is_merged is not true",
    'bot_events_count': "(raw.actor_login like '%[bot]' or raw.actor_login in (select known_bots.actor_login from " ~ ref('known_bots') ~ " as known_bots))",
} %}

with sampled as (

    {{ sampled_rows('repository_activity') }}

),

located as (

    select
        sampled.sample_id,
        events.partition_start,
        events.line_number
    from sampled
    cross join lateral (
        select
            kept.partition_start,
            kept.line_number
        from {{ ref('stg_gharchive__events') }} as kept
        where
            kept.repository_id = sampled.repository_id
            and kept.created_at >= sampled.as_of - interval '7 days'
            and kept.created_at < sampled.as_of
        order by kept.created_at
        offset 0
    ) as events

),

raw as (

    {{ raw_events('located') }}

),

recounted as (

    select
        {%- for column, condition in conditions.items() %}
        {%- for window, hours in windows.items() %}
        {{ raw_count(hours, condition, 'raw.sample_id') }} as {{ column }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        {%- for window, hours in windows.items() %}
        {{ raw_count(hours, 'true', 'distinct raw.actor_id') }} as contributors_count_{{ window }},
        {%- endfor %}
        sampled.sample_id
    from sampled
    left join raw on sampled.sample_id = raw.sample_id
    group by sampled.sample_id

),

compared as (

    select
        sampled.repository_id,
        sampled.as_of,
        to_jsonb(recounted) - 'sample_id' as expected,
        (
            select jsonb_object_agg(entry.key, entry.value)
            from jsonb_each(to_jsonb(sampled)) as entry
            where to_jsonb(recounted) ? entry.key and entry.key <> 'sample_id'
        ) as found
    from sampled
    inner join recounted on sampled.sample_id = recounted.sample_id

)

select * from compared
where expected <> found
