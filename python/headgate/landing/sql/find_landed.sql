select
    load_id, status, declaration_sha256, content_sha256, partition_end,
    lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where source = $1 and entity = $2 and partition_start = $3 and status = 'landed' and not appended
