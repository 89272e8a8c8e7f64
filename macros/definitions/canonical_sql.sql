{#
    The current model's SQL without anything that differs from run to run, a text for each mode: see canonical_mode().
    Rendered again from its source, so that every macro which had a part in it is in it; once for all modes, because
    compiling a template takes longer than rendering it.
#}
{% macro canonical_sql(modes) -%}
    {%- set mark = '-- headgate mode' -%}
    {%- set sql = render(
        "{% for mode in " ~ modes ~ " %}{% do model.update({'canonical_mode': mode}) %}"
        ~ model.raw_code ~ '\n' ~ mark ~ "{% endfor %}"
    ) -%}
    {%- do model.update({'canonical_mode': none}) -%}
    {%- set texts = [] -%}
    {%- for text in sql.replace('"' ~ target.database ~ '".', '').split(mark)[:-1] -%}
        {%- do texts.append(text | trim) -%}
    {%- endfor -%}
    {{- return(texts) -}}
{%- endmacro %}
