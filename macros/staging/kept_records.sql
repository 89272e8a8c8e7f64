{#
    The kept records of a source, whole: the body of a CTE of a staging model of one kind.

    Args:
        source_name, table_name: the landing table that carries the contract.
        partitions: what stale_partitions(['stg_<source>__deliveries'], source_name='<source>') returned.
        record_types: kinds of records; none for all.
#}
{% macro kept_records(source_name, table_name, partitions, record_types=none) -%}
    select
        deliveries.partition_start,
        deliveries.line_number,
        deliveries.record_id,
        deliveries.record_type,
        deliveries.recorded_at,
        landed.record
    from {{ ref('stg_' ~ source_name ~ '__deliveries') }} as deliveries
    inner join {{ source('headgate', 'loads') }} as loads
        on
            deliveries.partition_start = loads.partition_start
            and loads.contract_source = '{{ source_name }}'
            and loads.status = 'landed'
    inner join ({{ landed_records(source_name, table_name, partitions) }}) as landed
        on loads.load_id = landed.load_id and deliveries.line_number = landed.line_number
    where
        deliveries.is_kept
        and {{ in_partitions(partitions, 'deliveries.partition_start') }}
        {%- if record_types %}
        and deliveries.record_type in ('{{ record_types | join("', '") }}')
        and landed.record_type in ('{{ record_types | join("', '") }}')
        {%- endif %}
    -- A barrier: nothing of a record that breaks the contract may be unpacked into columns.
    offset 0
{%- endmacro %}
