{# The fields of a JSON object as columns, unpacked once; all null when it is not an object.
   Use: cross join lateral {{ json_fields('root.payload') }} as payload (action text, number numeric). Integers are numeric
   here, payload.number::bigint behind: PostgreSQL reads the text 1.0 as numeric only. #}
{% macro json_fields(object) -%}
    jsonb_to_record(case when jsonb_typeof({{ object }}) = 'object' then {{ object }} end)
{%- endmacro %}
