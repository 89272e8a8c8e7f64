{#
    Where the events of each sampled row's key are, as far back as its longest window: the body of a CTE with
    (sample_id, partition_start, line_number). Asks for a CTE `sampled`, see sampled_rows().

    Args:
        keys: columns that the feature view and stg_gharchive__events share, for instance ['actor_id'].
        longest: the longest window as an interval, for instance '7 days'.
#}
{% macro located_events(keys, longest) -%}
    select
        sampled.sample_id,
        events.partition_start,
        events.line_number
    from sampled
    cross join lateral (
        select
            kept.partition_start,
            kept.line_number
        from {{ ref('stg_gharchive__events') }} as kept
        where
            {%- for key in keys %}
            kept.{{ key }} = sampled.{{ key }}
            and
            {%- endfor %}
            kept.created_at >= sampled.as_of - interval '{{ longest }}'
            and kept.created_at < sampled.as_of
        order by kept.created_at
        offset 0
    ) as events
{%- endmacro %}
