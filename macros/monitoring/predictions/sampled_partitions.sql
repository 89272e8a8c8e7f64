{#
    The partitions that a model of the days' samples has to build: those whose sample changed, and those that share a day of a
    version with one of them, for which of two answers of a key is the day's first may change then.

    Args:
        extra: SQL of further partition_start values; none for no others.
#}
{% macro sampled_partitions(extra=none) -%}
    {%- set sample = ref('model_sample') -%}
    {%- set changed = stale_partitions(['model_sample'], source_name='predictions', extra=extra) -%}
    {%- if not (changed and is_incremental()) -%}
        {{ return(changed) }}
    {%- endif -%}
    {%- set shared %}
        select distinct sample.partition_start
        from {{ sample }} as sample
        inner join (
            select distinct model, version, day from {{ sample }} where {{ in_partitions(changed) }}
        ) as days using (model, version, day)
        union
        select partition_start::timestamptz from unnest({{ text_array(changed | map(attribute='partition_start') | list) }}) as changed (partition_start)
    {%- endset -%}
    {{ return(stale_partitions(['model_sample'], source_name='predictions', extra=shared)) }}
{%- endmacro %}

{# The rows of sampled_answers that came in the given partitions; their days stand as literals, so that others are not read. #}
{% macro sample_of(partitions) -%}
    {%- set sample = ref('model_sample') -%}
    {%- set days = [] -%}
    {%- if execute and partitions and not canonical_mode() and model.resource_type != 'unit_test' -%}
        {%- for row in run_query('select distinct day::text as day from ' ~ sample ~ ' where ' ~ in_partitions(partitions)).rows -%}
            {%- do days.append("date '" ~ row.day ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    select * from {{ ref('sampled_answers') }}
    where
        {{ in_partitions(partitions) }}
        and {{ 'day in (' ~ days | join(', ') ~ ')' if days else 'false' if model.resource_type != 'unit_test' else 'true' }}
{%- endmacro %}
