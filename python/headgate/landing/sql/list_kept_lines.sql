-- Lines that were rejected or repaired, without what they hold.
with kept as (
    select load_id, line_number, 'rejected' as what, reason, stored_as, line_bytes, line_hmac from ops.rejects
    union all
    select load_id, line_number, 'repaired' as what, repair, stored_as, line_bytes, line_hmac from ops.repairs
)

select
    kept.load_id,
    loads.source,
    kept.line_number,
    kept.what,
    kept.reason,
    kept.stored_as,
    kept.line_bytes,
    kept.line_hmac
from kept
inner join ops.loads on kept.load_id = loads.load_id
where ($1::bigint is null or kept.load_id = $1) and ($2::text is null or loads.source = $2)
order by kept.load_id desc, kept.line_number
limit $3
