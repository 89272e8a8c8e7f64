{# Whether a ranked delivery is the last one of its record: in the partitions being built, by `is_last`, and beyond them.
   Use: {{ is_kept_delivery('ranked', partitions, 'event_id') }} as is_kept #}
{% macro is_kept_delivery(ranked, partitions, identity='record_id') -%}
    {{ ranked }}.is_last
    {%- if is_incremental() and partitions %} and not exists (
            select 1 from {{ this }} as elsewhere
            where
                elsewhere.is_kept
                and elsewhere.{{ identity }} = {{ ranked }}.{{ identity }}
                and elsewhere.partition_start > {{ ranked }}.partition_start
                and elsewhere.partition_start > timestamptz '{{ partitions[0].partition_start }}'
                and not ({{ in_partitions(partitions, 'elsewhere.partition_start') }})
        )
    {%- endif -%}
{%- endmacro %}
