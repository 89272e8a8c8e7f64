-- How many lines of each source are stored as they came.
select
    loads.source,
    count(*) as lines
from (
    select load_id from ops.rejects where stored_as = 'verbatim'
    union all
    select load_id from ops.repairs where stored_as = 'verbatim'
) as kept
inner join ops.loads on kept.load_id = loads.load_id
group by loads.source
