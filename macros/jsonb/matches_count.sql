{# How many values of a JSON value a jsonpath finds. Use: {{ matches_count('root.payload', '$.commits[*]') }} #}
{% macro matches_count(value, json_path) -%}
    jsonb_array_length(jsonb_path_query_array({{ value }}, '{{ json_path }}'))
{%- endmacro %}
