-- Never at a full second: partitions of whole hours start there, and no two share their start.
insert into ops.loads (
    source, entity, uri, status, contract_source, appended, partition_start, partition_end,
    lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
)
select $1, $2, $3, $4, $5, true, began, began + interval '1 hour', 0, 0, 0, 0, 0
from (
    select instant - case when extract(microseconds from instant)::bigint % 1000000 = 0 then interval '1 us' else '0' end
        as began
    from (select clock_timestamp() as instant) as clock
) as start
on conflict do nothing
returning load_id
