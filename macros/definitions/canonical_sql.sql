{# The current model's SQL without anything that differs from run to run; mode: see canonical_mode(). Rendered again
   from its source, so that every macro which had a part in it is in it. #}
{% macro canonical_sql(mode) -%}
    {%- do model.update({'canonical_mode': mode}) -%}
    {%- set sql = render(model.raw_code) -%}
    {%- do model.update({'canonical_mode': none}) -%}
    {{- return(sql | replace('"' ~ target.database ~ '".', '') | trim) -}}
{%- endmacro %}
