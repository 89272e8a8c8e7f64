-- A random sample of rows equals a brute-force count over the raw JSONB of its windows.
-- Pins down any slip of the running sums and of who a pull request counts for. Where the payload names no
-- author, the author is taken from the typed layer. What looks back for ever is not recounted.
{%- set windows = {'24h': 24, '7d': 168, '30d': 720} %}
{%- set conditions = {'events_count': "raw.is_own"} %}
{%- do conditions.update(pull_request_counts('raw.is_authored')) %}

with sampled as (

    {{ sampled_rows('contributor_activity') }}

),

located_own as (

    {{ located_events(['actor_id', 'repository_id'], '30 days') }}

),

located_authored as (

    {{ located_pull_requests('30 days', ['repository_id']) }}

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

    {{ recounted(windows, conditions) }}

),

compared as (

    {{ compared_recounts(['actor_id', 'repository_id']) }}

)

select * from compared
where expected <> found
