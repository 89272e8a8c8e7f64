{# A filter on partition_start for the given partitions, as literals so that the planner can use them.
   Use: where {{ in_partitions(partitions, 'events.partition_start') }} #}
{% macro in_partitions(partitions, column='partition_start') -%}
    {%- if partitions -%}
    {{ column }} in (
        {%- for partition in partitions %}timestamptz '{{ partition.partition_start }}'{{ ', ' if not loop.last }}{% endfor -%}
    )
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}
