{#
    Every instant at which a value of an entity can change: a CTE `ticks`, and those that it rests on; distinct values have
    CTEs of their own. An instant is where events enter, and where a window lets go of them.
#}
{% macro view_ticks(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
entered as (

    {% for name in view.events -%}
    select {{ by_key }}, as_of from {{ name }}_entries
    {%- if not loop.last %}
    union
    {% endif %}
    {%- endfor %}

),

{% if not view.adds -%}
processed as (

    select greatest(max(as_of), {{ reached_by(view) }}) as processed_to from entered

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
{%- endmacro %}

{# The instants with what enters then: a CTE `timeline`. #}
{% macro view_timeline(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
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
        {%- if view.is_carried and view.adds %}
        -- Looked up only where the stretch holds the step that depends on it.
        case when as_of >= range_start then {{ neighbour(
            'before', '<', 'members.as_of - ' ~ seconds_interval(view.resolution), measure, view
        ) }} end as previous,
        {%- set sliding = measure.windows | map(attribute='seconds') | select | list %}
        {%- if sliding %}
        case
            when
                as_of + {{ seconds_interval(sliding | max) }} >= range_start
                and as_of + {{ seconds_interval(sliding | min) }} <= range_end
                then {{ neighbour('after', '>=', 'members.as_of', measure, view) }}
        end as following
        {%- else %}
        null::timestamptz as following
        {%- endif %}
        {%- else %}
        lag(as_of) over by_member as previous,
        lead(as_of) over by_member as following
        {%- endif %}
    from (
        select distinct {{ by_key }}, of_{{ name }} as member, {{ first_as_of('event_at', view) }} as as_of
        from {{ measure.events }}_events
        where of_{{ name }} is not null
        {%- if view.is_carried and view.adds %}
        -- In the order of the index that they are looked up by.
        order by {{ view.entity | join(', ') }}, member
        {%- endif %}
    ) as members
    {%- if not (view.is_carried and view.adds) %}
    window by_member as (partition by {{ by_key }}, member order by as_of)
    {%- endif %}

),

{{ name }}_steps as (

    select
        {{ by_key }},
        as_of
        {%- for window in measure.windows %},
        sum(step) filter (where step_of = '{{ window.name }}') as {{ name }}__step_{{ window.name }}
        {%- endfor %}
    from (
        {%- for window in measure.windows %}
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
    {%- if view.is_carried and view.adds %}
    where as_of between range_start and range_end and as_of <= (select processed_to from processed)
    {%- endif %}
    group by {{ by_key }}, as_of

)
{%- endmacro %}

{# Where the nearest event with the same value entered, before or after an instant. Looked up as one place in the order of the
   index on key, value and time: told apart, the columns would let the planner take the index on key and time too, and go
   through all that an entity with a long history did otherwise. #}
{% macro neighbour(direction, comparison, instant, measure, view) -%}
    {%- set events = view.events[measure.events] -%}
    {%- set columns = 'source_events.' ~ (events['keys'] + [measure.value, events.at]) | join(', source_events.') -%}
    {%- set member = 'members.' ~ (view.entity + ['member']) | join(', members.') -%}
    {%- set bound = ">= (%s, '-infinity')" if direction == 'before' else "<= (%s, 'infinity')" -%}
    (
            select {{ first_as_of('source_events.' ~ events.at, view) }}
            from {{ events.relation }} as source_events
            where
                ({{ columns }}) {{ comparison }} ({{ member }}, {{ instant }})
                and ({{ columns }}) {{ bound % member }}
                {%- if measure.where %}
                and ({{ measure.where }})
                {%- endif %}
            order by {{ columns.replace(',', ' desc,') ~ ' desc' if direction == 'before' else columns }}
            limit 1
        )
{%- endmacro %}
