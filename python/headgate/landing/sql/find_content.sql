select load_id, lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where source = $1 and entity = $2 and content_sha256 = $3 and status = 'landed' and appended
