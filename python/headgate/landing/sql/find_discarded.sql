-- What somebody discarded of this partition: the same content does not land again by itself.
select load_id, status, content_sha256, lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where source = $1 and entity = $2 and partition_start = $3 and status = 'discarded' and not appended
