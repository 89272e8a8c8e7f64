{#
    What the windows of an entity hold at every instant of its touched stretches, carried on from the row that stands before:
    what enters is added, what leaves is subtracted, whatever the windows hold meanwhile. So a new partition costs what
    happened in it and what windows let go of, however long the history. A CTE `slid`, and those that it rests on.

    Args:
        view: what normal_declaration() returned; see is_carried().
#}
{% macro carried_windows(view) -%}
{%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
{%- set columns = [] -%}
{%- for column in view.columns if quantile_of(column.operation) is none -%}
    {%- do columns.append(column) -%}
{%- endfor -%}
stepped as (

    {% if view.adds -%}
    {{ standing_rows(view, columns) }}
    union all
    {% endif -%}
    select
        {{ by_key }},
        as_of
        {%- for column in columns %},
        {{ carried_step(column) }} as {{ column.name }}
        {%- endfor %}
    from ticks
    {%- for name in view.events %}
    {{- entering_and_leaving(name, view) }}
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
        {%- for column in columns if column.operation in ['first', 'last'] %},
        count({{ column.name }}) over lifetime as {{ column.name }}_group
        {%- endfor %}
    from stepped
    window lifetime as (partition by {{ by_key }} order by as_of)

),

slid as (

    select
        {{ by_key }},
        as_of
        {%- for column in columns %},
        {{ carried_value(column, by_key) }} as {{ column.name }}
        {%- endfor %}
    from grouped
    window lifetime as (partition by {{ by_key }} order by as_of)

)
{%- endmacro %}

{# The row of each touched stretch that stands just before it, for running sums to start from. #}
{% macro standing_rows(view, columns) -%}
    select
        touched.{{ (view.entity + ['range_start', 'range_end']) | join(', touched.') }},
        existing.as_of
        {%- for column in columns %},
        existing.{{ column.name }}
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
{%- endmacro %}

{# Joins to `ticks` of what enters then, and of what each window lets go of. #}
{% macro entering_and_leaving(name, view) -%}
    {%- set by_key = view.entity | join(', ') ~ ', range_start, range_end' -%}
    {%- set measures = [] -%}
    {%- for measure in view.measures if measure.events == name and value_parts(measure) -%}
        {%- do measures.append(measure) -%}
    {%- endfor -%}
    {%- if measures %}
    left join {{ name }}_entries using ({{ by_key }}, as_of)
    {%- endif -%}
    {%- for window in view.windows if window.seconds -%}
    {%- set leaving = [] -%}
    {%- for measure in measures if window in measure.windows -%}
        {%- do leaving.append(measure) -%}
    {%- endfor -%}
    {%- if leaving %}
    left join (
        select
            {{ by_key }},
            as_of + {{ seconds_interval(window.seconds) }} as as_of
            {%- for measure in leaving %}
            {%- for part in value_parts(measure) %},
            {{ measure.name }}__{{ part }} as {{ measure.name }}__{{ part }}_left_{{ window.name }}
            {%- endfor %}
            {%- endfor %}
        from {{ name }}_entries
    ) as {{ name }}_left_{{ window.name }} using ({{ by_key }}, as_of)
    {%- endif -%}
    {%- endfor %}
{%- endmacro %}

{# By how much a value changes at an instant; of what is kept for ever, what enters then. #}
{% macro carried_step(column) -%}
    {%- set part = column.measure.name ~ '__%s' -%}
    {%- set seen = part % 'yes' ~ ' + ' ~ part % 'no' ~ ' > 0' -%}
    {%- if column.operation in ['count', 'sum'] -%}
    {%- set entering = part % ('n' if column.operation == 'count' else 's') -%}
    coalesce({{ entering }}, 0){% if column.window.seconds %} - coalesce({{ entering }}_left_{{ column.window.name }}, 0){% endif %}
    {%- elif column.operation == 'count_distinct' -%}
    coalesce({{ column.measure.name }}__step_{{ column.window.name }}, 0)
    {%- elif column.operation == 'any' -%}
    case when {{ seen }} then {{ part % 'yes' }} > 0 end
    {%- elif column.operation == 'all' -%}
    case when {{ seen }} then {{ part % 'no' }} = 0 end
    {%- else -%}
    {{ part % column.operation }}
    {%- endif -%}
{%- endmacro %}

{# SQL of a value, over the steps up to its row in CTE `grouped`. #}
{% macro carried_value(column, by_key) -%}
    {%- set name = column.name -%}
    {%- set type = column.measure.type or ('bigint' if column.operation in ['count', 'count_distinct']) -%}
    {%- if column.operation == 'first' -%}
    case when {{ name }}_group > 0 then first_value({{ name }}) over (partition by {{ by_key }} order by {{ name }} is null, as_of) end
    {%- elif column.operation == 'last' -%}
    first_value({{ name }}) over (partition by {{ by_key }}, {{ name }}_group order by as_of)
    {%- else -%}
    ({{ {'min': 'min', 'max': 'max', 'any': 'bool_or', 'all': 'bool_and'}.get(column.operation, 'sum') }}({{ name }}) over lifetime)
    {%- endif -%}
    {{ '::' ~ type if type }}
{%- endmacro %}

{#
    Whether every value follows from the one before it and from what enters and leaves: counts, exact sums and distinct
    values of plain columns, and over the lifetime also extremes, first and last values, any and all. Quantiles are sorted
    anew anyhow.
#}
{% macro is_carried(columns) -%}
    {%- for column in columns if quantile_of(column.operation) is none -%}
        {%- if not (
            column.operation == 'count'
            or column.operation == 'sum' and column.measure.type in [none, 'numeric', 'integer', 'bigint']
            or column.operation == 'count_distinct' and modules.re.fullmatch('[a-z_][a-z0-9_]*', column.measure.value)
            or column.operation in ['min', 'max', 'first', 'last', 'any', 'all'] and not column.window.seconds
        ) -%}
            {{- return(false) -}}
        {%- endif -%}
    {%- endfor -%}
    {{- return(true) -}}
{%- endmacro %}
