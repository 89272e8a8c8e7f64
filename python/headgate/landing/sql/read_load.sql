select load_id, lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where load_id = $1
