{#
    SQL of a value of a feature view, over the sums that slid_windows() gives: the measure's parts within a window.
    Over an empty window counts and sums are 0, all else is null.

    Args:
        column: an entry of `columns` in a normal declaration.
#}
{% macro measured_value(column) -%}
    {%- set part = column.measure.name ~ '__%s_' ~ column.window.name -%}
    {%- set n, s, q = part % 'n', part % 's', part % 'q' -%}
    {%- set yes, no = part % 'yes', part % 'no' -%}
    {%- set value = {
        'count': 'coalesce(' ~ n ~ ', 0)::bigint',
        'sum': 'coalesce(' ~ s ~ ', 0)',
        'mean': '(' ~ s ~ ' / nullif(' ~ n ~ ', 0))::double precision',
        'stddev': 'sqrt((' ~ n ~ ' * ' ~ q ~ ' - ' ~ s ~ ' * ' ~ s ~ ') / nullif(' ~ n ~ ' * (' ~ n ~ ' - 1), 0))::double precision',
        'any': 'case when ' ~ yes ~ ' + ' ~ no ~ ' > 0 then ' ~ yes ~ ' > 0 end',
        'all': 'case when ' ~ yes ~ ' + ' ~ no ~ ' > 0 then ' ~ no ~ ' = 0 end',
        'share': '(' ~ yes ~ ' / nullif(' ~ yes ~ ' + ' ~ no ~ ', 0))::double precision',
        'seconds_since_last': 'extract(epoch from as_of - ' ~ part % 'seen' ~ ')::double precision',
        'count_distinct': 'coalesce(' ~ part % 'members' ~ ', 0)::bigint',
    }.get(column.operation, part % column.operation) -%}
    {{- return('(' ~ value ~ ')::' ~ column.measure.type if column.measure.type else value) -}}
{%- endmacro %}

{# The parts from which a measure's operations are made: {name: aggregate of what is measured}. Use: value_parts(measure) #}
{% macro value_parts(measure) -%}
    {%- set exact = measure.type if measure.type in ['integer', 'bigint'] else 'numeric' -%}
    {%- set n, s = {'n': 'count(%s)'}, {'s': 'sum((%s)::' ~ exact ~ ')::' ~ exact} -%}
    {%- set answers = {'yes': 'count(*) filter (where %s)', 'no': 'count(*) filter (where not %s)'} -%}
    {%- set parts = {} -%}
    {%- for operation in measure.operations -%}
        {%- do parts.update({
            'count': n,
            'sum': s,
            'mean': dict(n, **s),
            'stddev': dict(n, q='sum((%s)::numeric * (%s)::numeric)', **s),
            'any': answers,
            'all': answers,
            'share': answers,
            'seconds_since_last': {'seen': 'max(event_at) filter (where %s is not null)'},
            'min': {'min': 'min(%s)'},
            'max': {'max': 'max(%s)'},
            'first': {'first': '(array_agg(%s order by event_at, %s) filter (where %s is not null))[1]'},
            'last': {'last': '(array_agg(%s order by event_at desc, %s desc) filter (where %s is not null))[1]'},
        }.get(operation, {})) -%}
    {%- endfor -%}
    {{- return(parts) -}}
{%- endmacro %}
