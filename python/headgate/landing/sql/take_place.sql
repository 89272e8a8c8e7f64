-- Models that built the load before build this one in its place. Where it had no rows, there is nothing to replace.
update ops.loads set partition_start = old.partition_start
from ops.loads as old
where loads.load_id = $1 and old.load_id = $2 and old.rows_landed > 0
