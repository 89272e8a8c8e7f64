select kept.load_id, kept.line_number, kept.line
from {table} as kept
inner join ops.loads on kept.load_id = loads.load_id
where loads.source = $1 and kept.stored_as = 'verbatim'
limit $2
