{# A JSON number as bigint; null when it is anything else. Use: {{ json_integer('payload.issue') }} #}
{% macro json_integer(value) -%}
    case when jsonb_typeof({{ value }}) = 'number' then ({{ value }})::bigint end
{%- endmacro %}
