{# The text of a key's columns: one as it is, several so that no two keys have the same (`headgate.model.key_text` in Python). #}
{% macro key_text(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- do texts.append(column ~ '::text' if columns | length == 1
            else "replace(replace(" ~ column ~ "::text, '%', '%25'), '|', '%7C')") -%}
    {%- endfor -%}
    {{- texts | join(" || '|' || ") -}}
{%- endmacro %}

{# A part of a key's text, counted from 1, as it was before `key_text` wrote it. #}
{% macro key_part(key, place, count) -%}
    {%- if count == 1 -%}
    {{ key }}
    {%- else -%}
    replace(replace(split_part({{ key }}, '|', {{ place }}), '%7C', '|'), '%25', '%')
    {%- endif -%}
{%- endmacro %}
