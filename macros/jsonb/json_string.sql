{# A JSON string as text; null when it is anything else. Use: {{ json_string('root.actor') }} #}
{% macro json_string(value) -%}
    case when jsonb_typeof({{ value }}) = 'string' then {{ value }} #>> '{}' end
{%- endmacro %}
