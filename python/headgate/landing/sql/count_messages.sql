update ops.loads
set
    lines_read = lines_read + $2,
    rows_landed = rows_landed + $3,
    rows_rejected = rows_rejected + $4,
    rows_repaired = rows_repaired + $5,
    bytes_read = bytes_read + $6,
    rows_redelivered = rows_redelivered + $7
where load_id = $1
