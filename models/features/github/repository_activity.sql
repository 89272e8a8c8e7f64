{{ config(
    unique_key=['repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'windows': {'1h': 1, '24h': 24, '7d': 168}},
) }}

{%- set keys = ['repository_id'] %}
{%- set windows = {'1h': 1, '24h': 24, '7d': 168} %}
{%- set counts = [
    'events_count', 'pushes_count', 'stars_count', 'forks_count', 'issues_opened_count', 'issues_closed_count',
    'issue_comments_count', 'pull_requests_opened_count', 'pull_requests_merged_count',
    'pull_requests_rejected_count', 'bot_events_count',
] %}
{%- set window_counts = window_columns(counts + ['contributors_count'], windows) %}
{%- set batch = feature_batch('int_activity__summed_by_hour') %}
{{ builds(batch.partitions) }}

with activity as not materialized (

    select * from {{ ref('int_activity__summed_by_hour') }}

),

pull_requests as not materialized (

    select * from {{ ref('int_pull_requests__attributed_to_authors') }}

),

touched as (

    {{ affected_entities(keys, windows, batch) }}

),

windowed as (

    {{ windowed_activity(keys, windows, batch) }}

),

member_changes as (

    {{ member_changes(keys, windows, 'actor_id', 'contributors_count') }}

),

activity_changes as (

    select
        repository_id,
        as_of,
        {%- for count in counts %}
        {%- for window, hours in windows.items() %}
        {{ window_change(count, hours) }} as {{ count }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        max(last_push_at) filter (where left_window = 0) as last_push_at,
        min(first_event_at) filter (where left_window = 0) as first_seen_at
    from windowed
    group by repository_id, as_of

),

-- A row that stands is where the running sums start.
changes as (

    select
        activity_changes.repository_id,
        activity_changes.as_of,
        {%- for column in window_columns(counts, windows) %}
        activity_changes.{{ column }},
        {%- endfor %}
        {%- for column in window_columns(['contributors_count'], windows) %}
        coalesce(member_changes.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        activity_changes.last_push_at,
        activity_changes.first_seen_at
    from activity_changes
    left join member_changes
        on
            activity_changes.repository_id = member_changes.repository_id
            and activity_changes.as_of = member_changes.as_of
    {%- if is_incremental() %}

    union all

    {{ opening_balances(keys, window_counts + ['last_push_at', 'first_seen_at']) }}
    {%- endif %}

),

running as (

    select
        repository_id,
        as_of,
        {%- for column in window_counts %}
        (sum({{ column }}) over up_to_now)::bigint as {{ column }},
        {%- endfor %}
        max(last_push_at) over up_to_now as last_push_at,
        min(first_seen_at) over up_to_now as first_seen_at
    from changes
    window up_to_now as (partition by repository_id order by as_of)

),

rated as (

    select
        running.repository_id,
        running.as_of,
        {%- for column in window_counts %}
        running.{{ column }},
        {%- endfor %}
        {{ merge_rate('7d') }} as merge_rate_7d,
        medians.hours_to_merge_median_7d,
        running.last_push_at,
        running.first_seen_at
    from running
    left join lateral (
        select
            percentile_cont(0.5) within group (order by pull_requests.hours_to_merge)
                as hours_to_merge_median_7d
        from pull_requests
        where
            running.pull_requests_merged_count_7d > 0
            and pull_requests.repository_id = running.repository_id
            and pull_requests.outcome = 'merged'
            and pull_requests.created_at >= running.as_of - interval '7 days'
            and pull_requests.created_at < running.as_of
    ) as medians on true

)

select * from rated
where {{ is_new_row('rated', keys, batch) }}
