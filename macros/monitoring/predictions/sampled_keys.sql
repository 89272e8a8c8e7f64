{# Keys of a day and version that drift, skew and quality look at; of more, a part that is drawn by hash. #}
{% macro sampled_keys() -%}
    10000
{%- endmacro %}
