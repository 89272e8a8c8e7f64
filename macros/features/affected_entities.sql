{#
    The entities whose values have to be computed, and from which as_of on: the body of a CTE.

    A changed hour may change every later value (first_seen_at and its like look back for ever). Beyond that, values
    change where a window lets go of an hour. Needs a CTE `activity`.

    Args:
        keys: columns of the entity key, for instance ['customer_id', 'shop_id'].
        windows: {name: hours}, for instance {"1h": 1, "24h": 24, "7d": 168}.
        batch: what feature_batch() returned.
#}
{% macro affected_entities(keys, windows, batch) -%}
    {%- set key_list = keys | join(', ') -%}
    select {{ key_list }}, min(as_of) as from_as_of
    from (
        select {{ key_list }}, hour + interval '1 hour' as as_of
        from activity
        where {{ in_partitions(batch.partitions) }}
        {%- for start, end in batch.rebuilt if is_incremental() %}

        union all

        -- Values that rest on what the partition held before.
        select {{ key_list }}, as_of
        from {{ this }}
        where
            as_of > timestamptz '{{ start }}' - interval '{{ batch.time_tolerance_hours }} hours'
            and as_of <= timestamptz '{{ end }}' + interval '{{ batch.time_tolerance_hours }} hours'
        {%- endfor %}
        {#- 0: an hour that was not over when its events were built gets its row when it is. #}
        {%- for window in [0] + windows.values() | list if batch.processed_from %}

        union all

        select {{ key_list }}, hour + interval '{{ window + 1 }} hours' as as_of
        from activity
        where
            hour > timestamptz '{{ batch.processed_from }}' - interval '{{ window + 1 }} hours'
            and hour <= timestamptz '{{ batch.processed_to }}' - interval '{{ window + 1 }} hours'
        {%- endfor %}
    ) as touches
    where {{ keys | join(' is not null and ') }} is not null
    group by {{ key_list }}
{%- endmacro %}
