{{ config(
    unique_key=['actor_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'windows': {'1h': 1, '24h': 24, '7d': 168}},
) }}

{%- set keys = ['actor_id'] %}
{%- set windows = {'1h': 1, '24h': 24, '7d': 168} %}
{%- set counts = [
    'events_count', 'pushes_count', 'issue_comments_count', 'pull_requests_opened_count',
    'pull_requests_merged_count', 'pull_requests_rejected_count',
] %}
{%- set window_counts = window_columns(counts + ['repositories_count'], windows) %}
{%- set batch = feature_batch('int_activity__summed_by_hour') %}
{{ builds(batch.partitions) }}

with activity as not materialized (

    select
        partition_start,
        hour,
        repository_id,
        actor_id,
        events_count,
        pushes_count,
        issue_comments_count,
        authored_pull_requests_opened_count as pull_requests_opened_count,
        authored_pull_requests_merged_count as pull_requests_merged_count,
        authored_pull_requests_rejected_count as pull_requests_rejected_count,
        is_bot,
        first_event_at,
        last_event_at
    from {{ ref('int_activity__summed_by_hour') }}

),

touched as (

    {{ affected_entities(keys, windows, batch) }}

),

windowed as (

    {{ windowed_activity(keys, windows, batch) }}

),

member_changes as (

    {{ member_changes(keys, windows, 'repository_id', 'repositories_count') }}

),

activity_changes as (

    select
        actor_id,
        as_of,
        {%- for count in counts %}
        {%- for window, hours in windows.items() %}
        {{ window_change(count, hours) }} as {{ count }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        bool_or(is_bot) filter (where left_window = 0) as is_bot,
        min(first_event_at) filter (where left_window = 0) as first_seen_at,
        max(last_event_at) filter (where left_window = 0) as last_seen_at
    from windowed
    group by actor_id, as_of

),

-- A row that stands is where the running sums start.
changes as (

    select
        activity_changes.actor_id,
        activity_changes.as_of,
        {%- for column in window_columns(counts, windows) %}
        activity_changes.{{ column }},
        {%- endfor %}
        {%- for column in window_columns(['repositories_count'], windows) %}
        coalesce(member_changes.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        activity_changes.is_bot,
        activity_changes.first_seen_at,
        activity_changes.last_seen_at
    from activity_changes
    left join member_changes
        on
            activity_changes.actor_id = member_changes.actor_id
            and activity_changes.as_of = member_changes.as_of
    {%- if is_incremental() %}

    union all

    {{ opening_balances(keys, window_counts + ['is_bot', 'first_seen_at', 'last_seen_at']) }}
    {%- endif %}

),

running as (

    select
        actor_id,
        as_of,
        {%- for column in window_counts %}
        (sum({{ column }}) over up_to_now)::bigint as {{ column }},
        {%- endfor %}
        bool_or(is_bot) over up_to_now as is_bot,
        min(first_seen_at) over up_to_now as first_seen_at,
        max(last_seen_at) over up_to_now as last_seen_at
    from changes
    window up_to_now as (partition by actor_id order by as_of)

),

rated as (

    select
        running.actor_id,
        running.as_of,
        {%- for column in window_counts %}
        running.{{ column }},
        {%- endfor %}
        {{ merge_rate('7d') }} as merge_rate_7d,
        running.is_bot,
        running.first_seen_at,
        running.last_seen_at
    from running

)

select * from rated
where {{ is_new_row('rated', keys, batch) }}
