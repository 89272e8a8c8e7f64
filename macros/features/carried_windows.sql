{#
    What the windows of an entity hold at every instant of its touched stretches, carried on from the row that stands before:
    what enters is added, what leaves is subtracted, whatever the windows hold meanwhile. So a new partition costs what
    happened in it and what windows let go of, however long the history. A CTE `slid`, and those that it rests on.

    Args:
        view: what normal_declaration() returned; see is_carried().
#}
{% macro carried_windows(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
{%- set parts = carried_parts(view) -%}
stepped as (

    {% if view.adds -%}
    {{ standing_rows(view, parts) }}
    union all
    {% endif -%}
    select
        {{ by_key }},
        as_of
        {%- for part in parts %},
        {{ carried_step(part) }} as {{ part.name }}
        {%- endfor %}
    from ticks
    {%- for name in view.events %}
    {{- entering_and_leaving(name, view, parts) }}
    {%- endfor %}
    {%- for measure in view.measures if 'count_distinct' in measure.operations %}
    left join {{ measure.name }}_steps using ({{ by_key }}, as_of)
    {%- endfor %}
    {%- if view.adds %}
    where as_of between range_start and range_end
    {%- endif %}

),

grouped as (

    select
        *
        {%- for part in parts if part.part in ['first', 'last'] %},
        count({{ part.name }}) over lifetime as {{ part.name }}_group
        {%- endfor %}
    from stepped
    window lifetime as (partition by {{ by_key }} order by as_of)

),

slid as (

    select
        {{ by_key }},
        as_of
        {%- for part in parts %},
        {{ carried_value(part, by_key, view) }} as {{ part.name }}
        {%- endfor %}
    from grouped
    window lifetime as (partition by {{ by_key }} order by as_of)

)
{%- endmacro %}

{# The parts of every measure within every window: [{name, part, measure, window}]; see value_parts(). #}
{% macro carried_parts(view) -%}
    {%- set parts = [] -%}
    {%- for measure in view.measures -%}
        {%- set names = value_parts(measure) | list + (['members'] if 'count_distinct' in measure.operations else []) -%}
        {%- for window in measure.windows -%}
            {%- for part in names -%}
                {%- do parts.append({
                    'name': measure.name ~ '__' ~ part ~ '_' ~ window.name, 'part': part, 'measure': measure, 'window': window
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(parts) -}}
{%- endmacro %}

{# The row of each touched stretch that stands just before it, for running sums to start from. Parts that its columns do not
   tell are counted from the events that its windows hold. #}
{% macro standing_rows(view, parts) -%}
    {%- set columns = {} -%}
    {%- for column in view.columns -%}
        {%- do columns.setdefault(column.measure.name ~ '/' ~ column.window.name, {}).update({column.operation: 'existing.' ~ column.name}) -%}
    {%- endfor -%}
    {%- set told, counted = {}, {} -%}
    {%- for part in parts -%}
        {%- set value = standing_part(part, columns[part.measure.name ~ '/' ~ part.window.name]) -%}
        {%- if value -%}
            {%- do told.update({part.name: value}) -%}
        {%- else -%}
            {%- do counted.setdefault(part.measure.events, []).append(part) -%}
        {%- endif -%}
    {%- endfor -%}
    select
        touched.{{ (view.entity + ['range_start', 'range_end']) | join(', touched.') }},
        existing.as_of
        {%- for part in parts %},
        {{ told.get(part.name, part.measure.events ~ '_counted.' ~ part.name) }} as {{ part.name }}
        {%- endfor %}
    from touched
    cross join lateral (
        select * from {{ this }} as row_before
        where
            {%- for key in view.entity %}
            row_before.{{ key }} = touched.{{ key }}
            and
            {%- endfor %}
            row_before.as_of < touched.range_start
        order by row_before.as_of desc
        limit 1
    ) as existing
    {%- for name, counted_parts in counted.items() %}
    {{- counted_windows(name, view, counted_parts) }}
    {%- endfor %}
{%- endmacro %}

{#
    SQL of a part, of the columns of a row that stands; none where they do not tell it. Over the lifetime any and all stay
    what they are once they are true, or false, however often.

    Args:
        part: an entry of carried_parts().
        columns: {operation: column} of its measure and window.
#}
{% macro standing_part(part, columns) -%}
    {%- if part.part == 'n' -%}
        {{- return(columns.count) -}}
    {%- elif part.part == 's' and part.measure.type in [none, 'numeric', 'integer', 'bigint'] -%}
        {{- return(columns.sum) -}}
    {%- elif part.part == 'members' -%}
        {{- return(columns.count_distinct) -}}
    {%- elif part.part in ['min', 'max', 'first', 'last'] -%}
        {{- return(columns[part.part]) -}}
    {%- elif part.part in ['yes', 'no'] and not part.window.seconds and 'share' not in columns -%}
        {%- set any_and_all = [columns.any or columns.all, columns.all or columns.any] -%}
        {{- return('(' ~ any_and_all[0] ~ ')::integer' if part.part == 'yes' else '(not ' ~ any_and_all[1] ~ ')::integer') -}}
    {%- endif -%}
    {{- return(none) -}}
{%- endmacro %}

{# A lateral join of parts that are counted from the events which the windows of the row `existing` hold. #}
{% macro counted_windows(name, view, parts) -%}
    {%- set events = view.events[name] -%}
    {%- set seconds = parts | map(attribute='window.seconds') | list -%}
    {%- set aggregates = {} -%}
    {%- for part in parts %}
    {%- set held = 'of_' ~ part.measure.name -%}
    {%- if part.window.seconds -%}
        {%- set held = 'case when event_at >= existing.as_of - ' ~ seconds_interval(part.window.seconds) ~ ' then ' ~ held ~ ' end' -%}
    {%- endif -%}
    {%- do aggregates.update({part.name: value_parts(part.measure)[part.part].replace('%s', '(' ~ held ~ ')')}) -%}
    {%- endfor %}
    cross join lateral (
        select
            {%- for part_name, aggregate in aggregates.items() %}
            {{ aggregate }} as {{ part_name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from (
            {{ events_of_entity(name, view, 'touched') }}
                source_events.{{ events.at }} < existing.as_of
                {%- if none not in seconds %}
                and source_events.{{ events.at }} >= existing.as_of - {{ seconds_interval(seconds | max) }}
                {%- endif %}
            offset 0
        ) as held
    ) as {{ name }}_counted
{%- endmacro %}

{# Joins to `ticks` of what enters then, and of what each window lets go of. #}
{% macro entering_and_leaving(name, view, parts) -%}
    {%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
    {%- set entering, leaving = [], {} -%}
    {%- for part in parts if part.measure.events == name and part.part != 'members' -%}
        {%- do entering.append(part) -%}
        {%- if is_summed(part) and part.window.seconds -%}
            {%- do leaving.setdefault(part.window.name, []).append(part) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if entering %}
    left join {{ name }}_entries using ({{ by_key }}, as_of)
    {%- endif -%}
    {%- for window_name, parts_left in leaving.items() %}
    left join (
        select
            {{ by_key }},
            as_of + {{ seconds_interval(parts_left[0].window.seconds) }} as as_of
            {%- for part in parts_left %},
            {{ part.measure.name }}__{{ part.part }} as {{ part.name }}_left
            {%- endfor %}
        from {{ name }}_entries
        {%- if view.adds %}
        where as_of + {{ seconds_interval(parts_left[0].window.seconds) }} between range_start and range_end
        {%- endif %}
    ) as {{ name }}_left_{{ window_name }} using ({{ by_key }}, as_of)
    {%- endfor %}
{%- endmacro %}

{# Whether a part is a sum, of which a window lets go by subtraction. #}
{% macro is_summed(part) -%}
    {{- return(part.part in ['n', 's', 'q', 'yes', 'no']) -}}
{%- endmacro %}

{# By how much a part changes at an instant; of what is kept for ever, what enters then. #}
{% macro carried_step(part) -%}
    {%- if part.part == 'members' -%}
    coalesce({{ part.measure.name }}__step_{{ part.window.name }}, 0)
    {%- elif is_summed(part) -%}
    coalesce({{ part.measure.name }}__{{ part.part }}, 0){% if part.window.seconds %} - coalesce({{ part.name }}_left, 0){% endif %}
    {%- else -%}
    {{ part.measure.name }}__{{ part.part }}
    {%- endif -%}
{%- endmacro %}

{# SQL of a part within its window, over the steps up to its row in CTE `grouped`. #}
{% macro carried_value(part, by_key, view) -%}
    {%- set name = part.name -%}
    {%- if part.part == 'first' -%}
    case when {{ name }}_group > 0 then first_value({{ name }}) over (partition by {{ by_key }} order by {{ name }} is null, as_of) end
    {%- elif part.part == 'last' -%}
    first_value({{ name }}) over (partition by {{ by_key }}, {{ name }}_group order by as_of)
    {%- elif part.part == 'seen' and part.window.seconds -%}
    case when max({{ name }}) over lifetime >= as_of - {{ seconds_interval(part.window.seconds) }} then max({{ name }}) over lifetime end
    {%- elif part.part in ['s', 'q'] and part.window.seconds and part.measure.type not in ['integer', 'bigint'] -%}
    {{ finite_or_recounted(part, view) }}
    {%- else -%}
    {{ {'min': 'min', 'max': 'max', 'seen': 'max'}.get(part.part, 'sum') }}({{ name }}) over lifetime
    {%- endif -%}
{%- endmacro %}

{# SQL of a sum that a window slides: NaN and infinity do not leave it by subtraction, so from the first one on it is counted
   anew for each row. #}
{% macro finite_or_recounted(part, view) -%}
    {%- set name = part.measure.events -%}
    {%- set sum = value_parts(part.measure)[part.part].replace('%s', '(of_' ~ part.measure.name ~ ')') -%}
    case
            when sum({{ part.name }}) over lifetime in ('NaN', 'Infinity', '-Infinity') then (
                select coalesce({{ sum }}, 0)
                from (
                    {{ events_of_entity(name, view, 'grouped') }}
                        source_events.{{ view.events[name].at }} < grouped.as_of
                        and source_events.{{ view.events[name].at }} >= grouped.as_of - {{ seconds_interval(part.window.seconds) }}
                ) as held
            )
            else sum({{ part.name }}) over lifetime
        end
{%- endmacro %}

{#
    Whether every value follows from the one before it and from what enters and leaves: all that is made of sums, distinct
    values of plain columns, the last instant, and over the lifetime also extremes, first and last values. Quantiles are
    sorted anew anyhow.
#}
{% macro is_carried(columns) -%}
    {%- for column in columns if column.window.seconds or column.operation == 'count_distinct' -%}
        {%- if (
            column.operation in ['min', 'max', 'first', 'last']
            or column.operation == 'count_distinct' and not modules.re.fullmatch('(?!(true|false|null)$)[a-z_][a-z0-9_]*', column.measure.value)
        ) -%}
            {{- return(false) -}}
        {%- endif -%}
    {%- endfor -%}
    {{- return(true) -}}
{%- endmacro %}
