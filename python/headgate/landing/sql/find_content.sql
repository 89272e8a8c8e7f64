select load_id, status, expired_at, declaration_sha256, lines_read, rows_landed, rows_rejected, rows_repaired, bytes_read
from ops.loads
where
    source = $1 and entity = $2 and content_sha256 = $3 and appended
    and (
        status = 'landed'
        -- One whose records were removed cannot be restored: it lands again when that is asked for.
        or status = 'discarded' and not (expired_at is not null and $4)
    )
order by status = 'landed' desc, load_id desc
limit 1
