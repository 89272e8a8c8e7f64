{#
    A filter on the rows of a model that its gates have to look at: everything in `dbt test`, else what is not certified.

    Args:
        model_name: for instance 'stg_orders__records'.
        column: column that places a row, partition_start or as_of; qualified where needed.

    Use: where {{ uncertified('stg_orders__records', 'records.partition_start') }}
#}
{% macro uncertified(model_name, column='partition_start') -%}
    {#- A gate asks after the model is built. -#}
    {%- do ref_relation(model_name) -%}
    {%- if flags.WHICH not in ('build', 'run') or not execute or is_dry_run() or not built_model(model_name) -%}
    true
    {%- else -%}
    {%- set partitions = uncertified_partitions(model_name) -%}
    {%- if column.endswith('as_of') -%}
    {#- A partition may hold events from before it began, as far as its contract tolerates. -#}
    {%- set tolerances = [] -%}
    {%- for source in graph.sources.values() if source.config.meta.contract -%}
        {%- do tolerances.append(source.config.meta.contract.time_tolerance_hours or 0) -%}
    {%- endfor -%}
    {%- set tolerance = " - interval '" ~ (tolerances | max | default(0)) ~ " hours'" -%}
    {{ column ~ " > timestamptz '" ~ partitions[0].partition_start ~ "'" ~ tolerance if partitions else 'false' }}
    {%- else -%}
    {{ in_partitions(partitions, column) }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}
