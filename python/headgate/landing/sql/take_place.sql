-- Models that built the load before build this one in its place. Where it had no rows, there is nothing to replace; where
-- records begin before it, this load has a partition of its own, which covers them, and the other one is emptied.
update ops.loads set partition_start = old.partition_start
from ops.loads as old
where
    loads.load_id = $1
    and old.load_id = $2
    and old.rows_landed > 0
    and old.partition_start < loads.partition_start
