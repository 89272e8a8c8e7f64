{#
    Has a model wait for the gates of others that it reads nothing from. dbt lets a gate that reads several nodes stop
    those models only that come after all of them.

    Args: names of models and seeds, for instance ['gate_thresholds'].

    Use: {{ waits_for(['gate_thresholds']) }}
#}
{% macro waits_for(names) -%}
    {%- if not execute -%}
        {%- for name in names -%}
            {%- do ref(name) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
