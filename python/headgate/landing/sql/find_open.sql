select load_id, source, entity, contract_source, lines_read
from ops.loads
where
    status = 'open'
    and ($1::text is null or source = $1)
    and started_at <= clock_timestamp() - $2::interval
order by load_id
for update
