{# The columns of counts over windows, in order: ['stars_count'] over {'1h': 1} is ['stars_count_1h']. #}
{% macro window_columns(counts, windows) -%}
    {% set columns = [] %}
    {% for count in counts %}
        {% for window in windows %}
            {% do columns.append(count ~ '_' ~ window) %}
        {% endfor %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}
