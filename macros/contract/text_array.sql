{# A list as a text array literal, null when there is none. Use: {{ text_array(['PushEvent']) }} #}
{% macro text_array(values) -%}
    {%- if values -%}
    array['{{ values | join("', '") }}']::text[]
    {%- else -%}
    null::text[]
    {%- endif -%}
{%- endmacro %}
