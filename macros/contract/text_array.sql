{# A list as a text array literal, null when there is none. Use: {{ text_array(['order_placed']) }} #}
{% macro text_array(values) -%}
    {%- if values -%}
    {%- set quoted = [] -%}
    {%- for value in values %}{% do quoted.append(quoted_text(value)) %}{% endfor -%}
    array[{{ quoted | join(', ') }}]::text[]
    {%- else -%}
    null::text[]
    {%- endif -%}
{%- endmacro %}
