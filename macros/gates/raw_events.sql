{#
    The raw events that a sampled feature row must rest on, unpacked from the landed JSON with plain operators and none
    of the macros that models use: the body of a CTE with (sampled row's key and as_of, what is needed to count).

    The typed layer is asked for the places of the records only, so that the cost follows the sample, not the history;
    that every record has its place is what gharchive_records_are_accounted_for proves.

    Args:
        located: name of a CTE with (sample_id, partition_start, line_number), one row per record.
#}
{% macro raw_events(located) -%}
    select
        located.sample_id,
        raw.record ->> 'type' as event_type,
        (raw.record ->> 'created_at')::timestamptz as created_at,
        coalesce(raw.record -> 'repo' ->> 'id', raw.record -> 'repository' ->> 'id')::bigint as repository_id,
        case when jsonb_typeof(raw.record -> 'actor') = 'object' then (raw.record -> 'actor' ->> 'id')::bigint end as actor_id,
        case
            when jsonb_typeof(raw.record -> 'actor') = 'object' then raw.record -> 'actor' ->> 'login'
            else raw.record ->> 'actor'
        end as actor_login,
        raw.record -> 'payload' ->> 'action' as action,
        (raw.record -> 'payload' -> 'pull_request' ->> 'merged')::boolean as is_merged,
        -- Payloads without a flag say nothing of a merge, but for those in which it is an action of its own.
        raw.record -> 'payload' -> 'pull_request' -> 'merged' is not null
        or (raw.record ->> 'created_at')::timestamptz >= '2025-10-07T00:00:00Z' as tells_merges,
        (raw.record -> 'payload' -> 'pull_request' -> 'user' ->> 'id')::bigint as author_id,
        (raw.record -> 'payload' -> 'pull_request' ->> 'id')::bigint as pull_request_id
    from {{ located }} as located
    inner join {{ source('headgate', 'loads') }} as loads
        on
            located.partition_start = loads.partition_start
            and loads.contract_source = 'gharchive'
            and loads.status = 'landed'
    cross join lateral (
        select landed.record
        from (
            {% for landed_source, landed_table in landing_tables('gharchive', 'events') -%}
            select * from {{ source(landed_source, landed_table) }}
            {{ 'union all' if not loop.last }}
            {% endfor -%}
        ) as landed
        where landed.load_id = loads.load_id and landed.line_number = located.line_number
        offset 0
    ) as raw
{%- endmacro %}
