<# Template of models/features/NAME.sql: the smallest honest view, counts of what an entity did within windows.
   Values: name, keys, counts (columns of int_activity__summed_by_hour), windows ({name: hours}). #>
{{ config(
    unique_key=[<% for key in keys %>'${key}', <% endfor %>'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'windows': ${windows}},
) }}

{%- set keys = ${keys} %}
{%- set windows = ${windows} %}
{%- set counts = [
<% for count in counts %>
    '${count}',
<% endfor %>
] %}
{%- set window_counts = window_columns(counts, windows) %}
{%- set batch = feature_batch('int_activity__summed_by_hour') %}
{{ builds(batch.partitions) }}

with activity as not materialized (

    select * from {{ ref('int_activity__summed_by_hour') }}

),

touched as (

    {{ affected_entities(keys, windows, batch) }}

),

windowed as (

    {{ windowed_activity(keys, windows, batch) }}

),

activity_changes as (

    select
<% for key in keys %>
        ${key},
<% endfor %>
        as_of,
        {%- for count in counts %}
        {%- for window, hours in windows.items() %}
        {{ window_change(count, hours) }} as {{ count }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        min(first_event_at) filter (where left_window = 0) as first_seen_at
    from windowed
    group by <% for key in keys %>${key}, <% endfor %>as_of

),

-- A row that stands is where the running sums start.
changes as (

    select
<% for key in keys %>
        activity_changes.${key},
<% endfor %>
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
<% for key in keys %>
        ${key},
<% endfor %>
        as_of,
        {%- for column in window_counts %}
        (sum({{ column }}) over up_to_now)::bigint as {{ column }},
        {%- endfor %}
        min(first_seen_at) over up_to_now as first_seen_at
    from changes
    window up_to_now as (partition by ${keys | join(", ")} order by as_of)

)

select * from running
where {{ is_new_row('running', keys, batch) }}
