-- A landed partition of another extent that shares time with this one.
select load_id, partition_start, partition_end
from ops.loads
where
    source = $1 and entity = $2 and status = 'landed' and not appended
    and partition_start < $4 and partition_end > $3
    and (partition_start, partition_end) <> ($3, $4)
limit 1
