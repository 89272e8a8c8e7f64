{#
    The parts of every measure within every window, at every instant of the timeline: a CTE `slid`, and those that it rests
    on. Sums add what enters and subtract what leaves. The first and last values are carried to the instants without any.
    The least and the greatest are kept from the beginning and to the end of blocks as long as the window, of which a
    window covers the end of one and the beginning of the next (van Herk, 1992; Gil and Werman, 1993).
#}
{% macro slid_windows(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start' -%}
{%- set sliding = view.windows | selectattr('seconds') | list -%}
grouped as (

    select
        *
        {%- for measure in view.measures %}
        {%- set name = measure.name %}
        {%- if 'last' in measure.operations %},
        count({{ name }}__last) over forwards as {{ name }}__last_group
        {%- endif %}
        {%- if 'first' in measure.operations %},
        count({{ name }}__first) over backwards as {{ name }}__first_group
        {%- endif %}
        {%- for extreme in ['min', 'max'] if extreme in measure.operations %}
        {%- for window in measure.windows if window.seconds %},
        {{ extreme }}({{ name }}__{{ extreme }}) over from_block_{{ window.name }} as {{ name }}__{{ extreme }}_from_{{ window.name }},
        {{ extreme }}({{ name }}__{{ extreme }}) over to_block_{{ window.name }} as {{ name }}__{{ extreme }}_to_{{ window.name }}
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
    from timeline
    window
        forwards as (partition by {{ by_key }} order by as_of),
        backwards as (partition by {{ by_key }} order by as_of desc)
        {%- for window in sliding %},
        from_block_{{ window.name }} as (partition by {{ by_key }}, block_{{ window.name }} order by as_of),
        to_block_{{ window.name }} as (partition by {{ by_key }}, block_{{ window.name }} order by as_of desc)
        {%- endfor %}

),

carried as (

    select
        *
        {%- for measure in view.measures %}
        {%- for end, order in [('last', 'as_of'), ('first', 'as_of desc')] if end in measure.operations %}
        {%- set group = measure.name ~ '__' ~ end ~ '_group' %}
        {%- set from_there = '(partition by ' ~ by_key ~ ', ' ~ group ~ ' order by ' ~ order ~ ')' %},
        first_value({{ measure.name }}__{{ end }}) over {{ from_there }} as {{ measure.name }}__{{ end }}_value,
        case when {{ group }} > 0 then first_value(as_of) over {{ from_there }} end as {{ measure.name }}__{{ end }}_at
        {%- endfor %}
        {%- endfor %}
    from grouped

),

slid as (

    select
        {{ view.entity | join(', ') }},
        range_start,
        range_end,
        as_of
        {%- for measure in view.measures %}
        {%- for window in measure.windows %}
        {%- for part in value_parts(measure) %},
        {{ slid_part(measure.name, part, window) }} as {{ measure.name }}__{{ part }}_{{ window.name }}
        {%- endfor %}
        {%- if 'count_distinct' in measure.operations %},
        sum({{ measure.name }}__step_{{ window.name }}) over lifetime as {{ measure.name }}__members_{{ window.name }}
        {%- endif %}
        {%- endfor %}
        {%- endfor %}
    from carried
    window
        lifetime as (partition by {{ by_key }} order by as_of)
        {%- for window in sliding %},
        within_{{ window.name }} as (
            partition by {{ by_key }} order by as_of
            range between {{ seconds_interval(window.seconds - view.resolution) }} preceding and current row
        )
        {%- endfor %}

)
{%- endmacro %}

{# SQL of one part of a measure within one window; see slid_windows(). #}
{% macro slid_part(name, part, window) -%}
    {%- set within = 'within_' ~ window.name if window.seconds else 'lifetime' -%}
    {%- set column = name ~ '__' ~ part -%}
    {%- if part == 'last' -%}
        {%- if window.seconds -%}
        case when {{ column }}_at > as_of - {{ seconds_interval(window.seconds) }} then {{ column }}_value end
        {%- else -%}
        {{ column }}_value
        {%- endif -%}
    {%- elif part == 'seen' -%}
        {%- if window.seconds -%}
        case when max({{ column }}) over lifetime >= as_of - {{ seconds_interval(window.seconds) }} then max({{ column }}) over lifetime end
        {%- else -%}
        max({{ column }}) over lifetime
        {%- endif -%}
    {%- elif part == 'first' -%}
        case when first_value({{ column }}_at) over {{ within }} <= as_of then first_value({{ column }}_value) over {{ within }} end
    {%- elif part in ['min', 'max'] and window.seconds -%}
        {{ 'least' if part == 'min' else 'greatest' }}(
            {{ column }}_from_{{ window.name }},
            case
                when first_value(block_{{ window.name }}) over {{ within }} < block_{{ window.name }}
                    then first_value({{ column }}_to_{{ window.name }}) over {{ within }}
            end
        )
    {%- elif part in ['min', 'max'] -%}
        {{ part }}({{ column }}) over {{ within }}
    {%- else -%}
        sum({{ column }}) over {{ within }}
    {%- endif -%}
{%- endmacro %}

{# Lateral joins that sort what windows hold, for medians and quantiles. #}
{% macro sorted_values(name, view) -%}
    {%- set events = view.events[name] -%}
    {%- for window in view.windows -%}
    {%- set sorted = [] -%}
    {%- for column in view.columns if column.measure.events == name and column.window == window and quantile_of(column.operation) is not none -%}
        {%- do sorted.append(column) -%}
    {%- endfor -%}
    {%- if sorted %}
cross join lateral (
    select
        {%- for column in sorted %}
        percentile_cont({{ quantile_of(column.operation) }}) within group (order by (of_{{ column.measure.name }})::double precision)
            as {{ column.measure.name }}__{{ column.operation }}_{{ window.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        {{ events_of_entity(name, view, 'slid') }}
            source_events.{{ events.at }} < slid.as_of
            {%- if window.seconds %}
            and source_events.{{ events.at }} >= slid.as_of - {{ seconds_interval(window.seconds) }}
            {%- endif %}
    ) as held
) as {{ name }}_sorted_{{ window.name }}
    {%- endif -%}
    {%- endfor %}
{%- endmacro %}
