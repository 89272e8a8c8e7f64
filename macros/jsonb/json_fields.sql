{# The fields of a JSON object as columns, unpacked once; all null when it is not an object.
   Use: cross join lateral {{ json_fields('root.payload') }} as payload (action text, number bigint) #}
{% macro json_fields(object) -%}
    jsonb_to_record(case when jsonb_typeof({{ object }}) = 'object' then {{ object }} end)
{%- endmacro %}
