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

{# A filter on rows with a source and a partition_start. Use: where {{ in_source_partitions(partitions) }} #}
{% macro in_source_partitions(partitions) -%}
    (
    {%- for source_name, of_source in partitions | groupby('contract_source') -%}
        source = '{{ source_name }}' and {{ in_partitions(of_source) }}{{ ' or ' if not loop.last }}
    {%- else -%}
        false
    {%- endfor -%}
    )
{%- endmacro %}
