update ops.loads set status = 'replaced' where load_id = $1
