{#
    The events of the given types with their landed records: the body of a CTE.

    Args:
        event_types: for instance ['CreateEvent'].
        partitions: what stale_partitions() returned; no other partition is read.
#}
{% macro gharchive_records(event_types, partitions) -%}
    select
        events.*,
        landed.record
    from {{ ref('stg_gharchive__events') }} as events
    inner join {{ source('headgate', 'loads') }} as loads
        on events.partition_start = loads.partition_start and loads.contract_source = 'gharchive' and loads.status = 'landed'
    inner join ({{ landed_records('gharchive', 'events', partitions) }}) as landed
        on loads.load_id = landed.load_id and events.line_number = landed.line_number
    where
        events.event_type in ('{{ event_types | join("', '") }}')
        and landed.record_type in ('{{ event_types | join("', '") }}')
        and {{ in_partitions(partitions, 'events.partition_start') }}
    -- A barrier: nothing of a record that breaks the contract may be unpacked into columns.
    offset 0
{%- endmacro %}
