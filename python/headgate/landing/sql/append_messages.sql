-- Locks an open load and notes which of the deliveries are new.
with load as (
    select load_id, lines_read
    from ops.loads
    where load_id = $1 and status = 'open'
    for update
),

fresh as (
    insert into {table}_delivered (delivery, load_id)
    select given.delivery, load.load_id
    from load
    cross join unnest($2::uuid[]) as given (delivery)
    on conflict do nothing
    returning delivery
)

select
    load.lines_read,
    array(select delivery from fresh) as fresh
from load
