{#
    The landed records of the given partitions, from whichever landing tables hold them; others are never opened.

    Args:
        source_name, table_name: the landing table that carries the contract, for instance 'orders', 'records'.
        partitions: what stale_partitions() returned.

    Use: with landed as ({{ landed_records('orders', 'records', partitions) }})
#}
{% macro landed_records(source_name, table_name, partitions) -%}
    {%- set selects = [] -%}
    {%- for landed_source, landed_table in landing_tables(source_name, table_name) -%}
        {#- While dbt parses, every table is named once: that is how the model comes to depend on it. -#}
        {%- set relation = source(landed_source, landed_table) if loop.first or not execute -%}
        {%- set loads = [] -%}
        {%- for partition in partitions if (partition.source or source_name) == landed_source -%}
            {%- do loads.append(partition) -%}
        {%- endfor -%}
        {%- if loads or (loop.first and not partitions) -%}
            {%- set relation = source(landed_source, landed_table) -%}
            {%- do selects.append('select * from ' ~ relation ~ '\n    where ' ~ in_loads(loads)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}
