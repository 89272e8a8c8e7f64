select load_id, status, declaration_sha256, lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where source = $1 and entity = $2 and content_sha256 = $3 and status in ('landed', 'discarded') and appended
order by status = 'landed' desc, load_id desc
limit 1
