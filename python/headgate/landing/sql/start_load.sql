insert into ops.loads (source, entity, partition_start, partition_end, uri, contract_source, status)
values ($1, $2, $3, $4, $5, $6, 'running')
returning load_id
