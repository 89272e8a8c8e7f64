{# The number of elements of a JSON array; null when it is not an array. Use: {{ json_length('issue.labels') }} #}
{% macro json_length(array) -%}
    case when jsonb_typeof({{ array }}) = 'array' then jsonb_array_length({{ array }}) end
{%- endmacro %}
