update ops.loads set status = 'failed', error = $2, finished_at = clock_timestamp()
where load_id = $1
