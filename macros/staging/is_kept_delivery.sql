{#
    Whether a ranked delivery is the last one of its record: in the partitions being built, by `is_last`, and beyond them.

    Args:
        ranked: alias of the deliveries, for instance 'ranked'.
        partitions: those being built.
        identity: column with the record's identity.
        loads: CTE with the loads and their first_load_id, where the later load wins; none where the later partition does.

    Use: {{ is_kept_delivery('ranked', partitions, 'event_id') }} as is_kept
#}
{% macro is_kept_delivery(ranked, partitions, identity='record_id', loads=none) -%}
    {{ ranked }}.is_last
    {%- if is_incremental() and partitions %} and not exists (
            select 1 from {{ this }} as elsewhere
            {%- if loads %}
            inner join {{ loads }} as later
                on elsewhere.partition_start = later.partition_start and later.status = 'landed'
            {%- endif %}
            where
                elsewhere.is_kept
                and elsewhere.{{ identity }} = {{ ranked }}.{{ identity }}
                {%- if loads %}
                and later.first_load_id > {{ ranked }}.first_load_id
                {%- else %}
                and elsewhere.partition_start > {{ ranked }}.partition_start
                and elsewhere.partition_start > timestamptz '{{ partitions[0].partition_start }}'
                {%- endif %}
                and not ({{ in_partitions(partitions, 'elsewhere.partition_start') }})
        )
    {%- endif -%}
{%- endmacro %}
