{#
    Every instant at which a value of an entity can change, with what enters then: a CTE `timeline`, and those that it rests
    on. An instant is where events enter, and where a window lets go of them.
#}
{% macro view_timeline(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
entered as (

    {% for name in view.events -%}
    select {{ by_key }}, as_of from {{ name }}_entries
    {%- if not loop.last %}
    union
    {% endif %}
    {%- endfor %}

),

{% if not is_incremental() -%}
processed as (

    select max(as_of) as processed_to from entered

),

{% endif -%}
ticks as (

    select {{ by_key }}, as_of from entered
    {%- for window in view.windows if window.seconds %}
    union
    select {{ by_key }}, as_of + {{ seconds_interval(window.seconds) }} from entered
    where as_of + {{ seconds_interval(window.seconds) }} <= (select processed_to from processed)
    {%- endfor %}

),
{%- for measure in view.measures if 'count_distinct' in measure.operations %}

{{ member_steps(measure, view) }},
{%- endfor %}

timeline as (

    select *
        {%- for window in view.windows if window.seconds %},
        floor(extract(epoch from as_of) / {{ window.seconds }}) as block_{{ window.name }}
        {%- endfor %}
    from ticks
    {%- for name in view.events %}
    left join {{ name }}_entries using ({{ by_key }}, as_of)
    {%- endfor %}
    {%- for measure in view.measures if 'count_distinct' in measure.operations %}
    left join {{ measure.name }}_steps using ({{ by_key }}, as_of)
    {%- endfor %}

)
{%- endmacro %}

{#
    By how much the number of distinct values in a window changes, and when: a CTE `<measure>_steps`, and those that it rests
    on. A value enters when the window does not hold it yet, and leaves when it has not come again since.
#}
{% macro member_steps(measure, view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
{%- set name = measure.name -%}
{{ name }}_members as (

    select
        *,
        lag(as_of) over by_member as previous,
        lead(as_of) over by_member as following
    from (
        select distinct {{ by_key }}, of_{{ name }} as member, {{ first_as_of('event_at', view) }} as as_of
        from {{ measure.events }}_events
        where of_{{ name }} is not null
    ) as members
    window by_member as (partition by {{ by_key }}, member order by as_of)

),

{{ name }}_steps as (

    select
        {{ by_key }},
        as_of
        {%- for window in view.windows %},
        sum(step) filter (where step_of = '{{ window.name }}') as {{ name }}__step_{{ window.name }}
        {%- endfor %}
    from (
        {%- for window in view.windows %}
        select {{ by_key }}, as_of, '{{ window.name }}' as step_of, 1 as step from {{ name }}_members
        where previous is null
        {%- if window.seconds %} or previous + {{ seconds_interval(window.seconds) }} <= as_of
        union all
        select {{ by_key }}, as_of + {{ seconds_interval(window.seconds) }}, '{{ window.name }}', -1 from {{ name }}_members
        where following is null or following >= as_of + {{ seconds_interval(window.seconds) }}
        {%- endif %}
        {{- '\n        union all' if not loop.last }}
        {%- endfor %}
    ) as steps
    group by {{ by_key }}, as_of

)
{%- endmacro %}
