-- Rejects and repairs of a load whose bytes another one brought again: they are among those of that load.
with rejects as (
    delete from ops.rejects where load_id = $1
)

delete from ops.repairs where load_id = $1
