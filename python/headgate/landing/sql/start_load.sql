insert into ops.loads (source, entity, partition_start, partition_end, uri, status)
values ($1, $2, $3, $4, $5, 'running')
returning load_id
