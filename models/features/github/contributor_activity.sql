{{ config(
    unique_key=['actor_id', 'repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'windows': {'24h': 24, '7d': 168, '30d': 720}},
) }}

{%- set keys = ['actor_id', 'repository_id'] %}
{%- set windows = {'24h': 24, '7d': 168, '30d': 720} %}
{%- set counts = [
    'events_count', 'pull_requests_opened_count', 'pull_requests_merged_count', 'pull_requests_rejected_count',
] %}
{%- set window_counts = window_columns(counts, windows) %}
{%- set batch = feature_batch('int_activity__summed_by_hour') %}
{{ builds(batch.partitions) }}

with activity as not materialized (

    select
        partition_start,
        hour,
        repository_id,
        actor_id,
        events_count,
        authored_pull_requests_opened_count as pull_requests_opened_count,
        authored_pull_requests_merged_count as pull_requests_merged_count,
        authored_pull_requests_rejected_count as pull_requests_rejected_count,
        first_event_at
    from {{ ref('int_activity__summed_by_hour') }}

),

touched as (

    {{ affected_entities(keys, windows, batch) }}

),

windowed as (

    {{ windowed_activity(keys, windows, batch) }}

),

activity_changes as (

    select
        actor_id,
        repository_id,
        as_of,
        {%- for count in counts %}
        {%- for window, hours in windows.items() %}
        {{ window_change(count, hours) }} as {{ count }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        min(first_event_at) filter (where left_window = 0) as first_seen_at
    from windowed
    group by actor_id, repository_id, as_of

),

-- A row that stands is where the running sums start.
changes as (

    select
        activity_changes.actor_id,
        activity_changes.repository_id,
        activity_changes.as_of,
        {%- for column in window_columns(counts, windows) %}
        activity_changes.{{ column }},
        {%- endfor %}
        activity_changes.first_seen_at
    from activity_changes
    {%- if is_incremental() %}

    union all

    {{ opening_balances(keys, window_counts + ['first_seen_at']) }}
    {%- endif %}

),

running as (

    select
        actor_id,
        repository_id,
        as_of,
        {%- for column in window_counts %}
        (sum({{ column }}) over up_to_now)::bigint as {{ column }},
        {%- endfor %}
        min(first_seen_at) over up_to_now as first_seen_at
    from changes
    window up_to_now as (partition by actor_id, repository_id order by as_of)

),

rated as (

    select
        running.actor_id,
        running.repository_id,
        running.as_of,
        {%- for column in window_counts %}
        running.{{ column }},
        {%- endfor %}
        {{ merge_rate('30d') }} as merge_rate_30d,
        running.first_seen_at
    from running

)

select * from rated
where {{ is_new_row('rated', keys, batch) }}
