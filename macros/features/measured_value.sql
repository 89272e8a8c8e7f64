{#
    SQL of one value of a feature view, over the sums that slid_windows() gives: the measure's parts within a window.
    Over an empty window counts and sums are 0, all else is null.

    Args:
        measure: its name, for instance 'total'.
        operation: what is made of it, for instance 'mean'.
        window: name of the window, for instance '7d'.
#}
{% macro measured_value(measure, operation, window) -%}
    {%- set part = measure ~ '__%s_' ~ window -%}
    {%- set n, s, q = part % 'n', part % 's', part % 'q' -%}
    {%- set yes, no = part % 'yes', part % 'no' -%}
    {{- return({
        'count': 'coalesce(' ~ n ~ ', 0)::bigint',
        'sum': 'coalesce(' ~ s ~ ', 0)',
        'mean': '(' ~ s ~ ' / nullif(' ~ n ~ ', 0))::double precision',
        'stddev': 'sqrt((' ~ n ~ ' * ' ~ q ~ ' - ' ~ s ~ ' * ' ~ s ~ ') / nullif(' ~ n ~ ' * (' ~ n ~ ' - 1), 0))::double precision',
        'any': 'case when ' ~ yes ~ ' + ' ~ no ~ ' > 0 then ' ~ yes ~ ' > 0 end',
        'all': 'case when ' ~ yes ~ ' + ' ~ no ~ ' > 0 then ' ~ no ~ ' = 0 end',
        'share': '(' ~ yes ~ ' / nullif(' ~ yes ~ ' + ' ~ no ~ ', 0))::double precision',
        'seconds_since_last': 'extract(epoch from as_of - ' ~ part % 'seen' ~ ')::double precision',
        'count_distinct': 'coalesce(' ~ part % 'members' ~ ', 0)::bigint',
    }.get(operation, part % operation)) -}}
{%- endmacro %}

{# The parts from which operations are made: {name: aggregate of what is measured}. Use: value_parts(measure.operations) #}
{% macro value_parts(operations) -%}
    {%- set n, s = {'n': 'count(%s)'}, {'s': 'sum((%s)::numeric)'} -%}
    {%- set answers = {'yes': 'count(*) filter (where %s)', 'no': 'count(*) filter (where not %s)'} -%}
    {%- set parts = {} -%}
    {%- for operation in operations -%}
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
