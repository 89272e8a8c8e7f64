-- What somebody discarded of this partition: the same content does not land again by itself. Where its records were
-- removed it cannot be restored, and lands again when that is asked for.
select
    load_id, status, expired_at, content_sha256, partition_end,
    lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where
    source = $1 and entity = $2 and partition_start = $3 and status = 'discarded' and not appended
    and not (expired_at is not null and $4)
