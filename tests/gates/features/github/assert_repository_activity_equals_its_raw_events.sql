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
    'bot_events_count': "(raw.actor_login like '%[bot]' or raw.actor_login in (select known_bots.actor_login from " ~ ref('known_bots') ~ " as known_bots))",
} %}
{%- do conditions.update(pull_request_counts("raw.event_type = 'PullRequestEvent'")) %}
{%- set distinct_values = {'contributors_count': ('raw.actor_id', 'true')} %}

with sampled as (

    {{ sampled_rows('repository_activity') }}

),

located as (

    {{ located_events(['repository_id'], '7 days') }}

),

raw as (

    {{ raw_events('located') }}

),

recounted as (

    {{ recounted(windows, conditions, distinct_values) }}

),

compared as (

    {{ compared_recounts(['repository_id']) }}

)

select * from compared
where expected <> found
