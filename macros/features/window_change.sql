{# By how much a sum over a window changes at an as_of, from windowed_activity().
   Use: {{ window_change('stars_count', 24) }} as stars_count_24h #}
{% macro window_change(column, hours) -%}
    sum(case left_window when 0 then {{ column }} when {{ hours }} then -{{ column }} else 0 end)
{%- endmacro %}
