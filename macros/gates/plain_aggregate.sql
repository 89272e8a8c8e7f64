{#
    PostgreSQL's own aggregate for an operation of a feature view, over the events of a window; see equals_a_recount.

    Args:
        operation: for instance 'mean'.
        of: SQL of what is measured, null where it does not count.
        window: {name, seconds}; asks for drawn.as_of, drawn.stands_at and held.event_at.
#}
{% macro plain_aggregate(operation, of, window) -%}
    {%- set within = 'held.event_at >= drawn.as_of - ' ~ seconds_interval(window.seconds) if window.seconds else 'true' -%}
    {%- set filter = ' filter (where ' ~ within ~ ')' -%}
    {%- if quantile_of(operation) is not none -%}
    percentile_cont({{ quantile_of(operation) }}) within group (order by ({{ of }})::double precision){{ filter }}
    {%- else -%}
    {{ {
        'count': 'count(' ~ of ~ ')' ~ filter,
        'sum': 'coalesce(sum((' ~ of ~ ')::numeric)' ~ filter ~ ', 0)',
        'mean': '(avg((' ~ of ~ ')::numeric)' ~ filter ~ ')::double precision',
        'stddev': '(stddev_samp((' ~ of ~ ')::numeric)' ~ filter ~ ')::double precision',
        'min': 'min(' ~ of ~ ')' ~ filter,
        'max': 'max(' ~ of ~ ')' ~ filter,
        'first': '(array_agg(' ~ of ~ ' order by held.event_at, ' ~ of ~ ') filter (where ' ~ of ~ ' is not null and ' ~ within ~ '))[1]',
        'last': '(array_agg(' ~ of ~ ' order by held.event_at desc, ' ~ of ~ ' desc) filter (where ' ~ of ~ ' is not null and ' ~ within ~ '))[1]',
        'seconds_since_last': 'extract(epoch from drawn.stands_at - max(held.event_at) filter (where ' ~ of ~ ' is not null and ' ~ within ~ '))::double precision',
        'any': 'bool_or(' ~ of ~ ')' ~ filter,
        'all': 'bool_and(' ~ of ~ ')' ~ filter,
        'share': '(avg((' ~ of ~ ')::integer)' ~ filter ~ ')::double precision',
        'count_distinct': 'count(distinct ' ~ of ~ ')' ~ filter,
    }[operation] }}
    {%- endif -%}
{%- endmacro %}

{# Whether a value is another than the one expected; floats, of an operation or a type, may differ in the last digits. #}
{% macro is_other_value(operation, expected, found) -%}
    {%- if operation in ['mean', 'stddev', 'share', 'seconds_since_last', 'double precision', 'real', 'numeric'] or quantile_of(operation) is not none -%}
    case
        when {{ expected }} is null or {{ found }} is null
            -- No difference tells whether these are equal.
            or {{ expected }} in ('NaN', 'Infinity', '-Infinity') or {{ found }} in ('NaN', 'Infinity', '-Infinity')
            then {{ expected }} is distinct from {{ found }}
        -- Next to nothing times a small share is too small for a float.
        else abs({{ expected }} - {{ found }}) > {{ '1e-9 * greatest(abs(%s), abs(%s))' % (expected, found) if operation == 'numeric'
            else '1e-9 * greatest(abs(%s)::double precision, abs(%s), 1e-290::double precision)' % (expected, found) }}
    end
    {%- else -%}
    {{ expected }} is distinct from {{ found }}
    {%- endif -%}
{%- endmacro %}

{# The type that the contract of a feature view gives a column. #}
{% macro declared_type(view, column) -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == view -%}
        {{- return(node.columns[column].data_type) -}}
    {%- endfor -%}
{%- endmacro %}

{# The declaration of a feature view, from its model's meta. #}
{% macro declaration_of(view) -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == view -%}
        {{- return(node.config.meta.feature_view) -}}
    {%- endfor -%}
{%- endmacro %}
