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
    {%- if partitions -%}
    {{ column }} > least(
        timestamptz '{{ partitions[0].partition_start }}'{{ tolerance }},
        timestamptz '{{ first_changed(built_model(model_name), partitions) }}' - interval '1 us'
    )
    {%- else -%}
    false
    {%- endif -%}
    {%- else -%}
    {{ in_partitions(partitions, column) }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Where the rows begin that partitions change in a feature view: a view may measure by another time than that by which its events
   were landed. Rows that partitions changed before, and do not hold any more, are among them until all have passed their gates.
   Infinity where nothing is noted of it. #}
{% macro first_changed(view_name, partitions) -%}
    {%- set entries = 'ops.entries_' ~ view_name -%}
    {%- set has_entries = once('is ' ~ entries, "select to_regclass('" ~ entries ~ "') is not null as found")[0].found -%}
    {%- set places = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == view_name -%}
        {%- do places.extend(sources_of(node.unique_id)) -%}
    {%- endfor -%}
    {%- set statement -%}
        select coalesce(least(
            (select unproven_from from ops.deployed_models where model = '{{ view_name }}')
            {%- if has_entries %},
            -- `offset 0`: by the index on as_of it would pass over all of a history until it came to a new partition.
            (select min(as_of) from (
                select as_of from {{ entries }}
                where source = any({{ text_array(places) }}) and {{ in_partitions(partitions) }}
                offset 0
            ) as entered)
            {%- endif %}
        ), 'infinity')::text as first
    {%- endset -%}
    {{ return(once(statement, statement)[0].first) }}
{%- endmacro %}
