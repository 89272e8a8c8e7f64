-- An appended load covers the time from its oldest record on, but not further back than records may come late.
-- Never from a full second on: partitions of whole hours start there, and no two share their start.
update ops.loads
set
    status = 'landed',
    partition_start = extent.began - case
        when extract(microseconds from extent.began)::bigint % 1000000 = 0 then interval '1 us' else '0'
    end,
    partition_end = extent.ended,
    finished_at = extent.ended,
    newest_event_at = $5
from (
    select
        loads.load_id,
        least(
            loads.started_at,
            greatest(coalesce($3::timestamptz, loads.started_at), loads.started_at - $2::integer * interval '1 hour')
        ) - (1 + $4::integer) * interval '1 us' as began,
        clock_timestamp() as ended
    from ops.loads
    where loads.load_id = $1
) as extent
where loads.load_id = extent.load_id
