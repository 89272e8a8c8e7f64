{# The elements of a JSON array as rows, with their position from 1; no row when it is not an array.
   Use: cross join lateral {{ json_elements('payload.commits') }} as commits (element, position) #}
{% macro json_elements(array) -%}
    jsonb_array_elements(case when jsonb_typeof({{ array }}) = 'array' then {{ array }} end) with ordinality
{%- endmacro %}
