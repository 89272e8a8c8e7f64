select line, stored_as, line_bytes from ops.rejects where load_id = $1 and line_number = $2
union all
select line, stored_as, line_bytes from ops.repairs where load_id = $1 and line_number = $2
limit 1
