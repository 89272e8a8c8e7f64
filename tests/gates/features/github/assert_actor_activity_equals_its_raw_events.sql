-- A random sample of rows equals a brute-force count over the raw JSONB of its windows.
-- Pins down any slip of the running sums and of who a pull request counts for. Where the payload names no
-- author, the author is taken from the typed layer. What looks back for ever is not recounted.
{%- set windows = {'1h': 1, '24h': 24, '7d': 168} %}
{%- set conditions = {
    'events_count': "raw.is_own",
    'pushes_count': "raw.is_own and raw.event_type = 'PushEvent'",
    'issue_comments_count': "raw.is_own and raw.event_type = 'IssueCommentEvent'",
} %}
{%- do conditions.update(pull_request_counts('raw.is_authored')) %}
{%- set distinct_values = {'repositories_count': ('raw.repository_id', 'raw.is_own')} %}

with sampled as (

    {{ sampled_rows('actor_activity') }}

),

located_own as (

    {{ located_events(['actor_id'], '7 days') }}

),

located_authored as (

    {{ located_pull_requests('7 days') }}

),

raw_own as (

    {{ raw_events('located_own') }}

),

raw_authored as (

    {{ raw_events('located_authored') }}

),

raw as (

    {{ raw_by_role('raw_own', 'raw_authored') }}

),

recounted as (

    {{ recounted(windows, conditions, distinct_values) }}

),

compared as (

    {{ compared_recounts(['actor_id']) }}

)

select * from compared
where expected <> found
