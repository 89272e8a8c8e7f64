update ops.loads
set
    status = 'landed',
    content_sha256 = $2,
    lines_read = $3,
    rows_landed = $4,
    rows_rejected = $5,
    rows_repaired = $6,
    bytes_read = $7,
    declaration_sha256 = $8,
    uri = $9,
    finished_at = clock_timestamp()
where load_id = $1
