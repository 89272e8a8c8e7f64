-- Every landed record is typed once, quarantined or a counted duplicate; every line was landed or rejected.
-- Pins down silent loss anywhere between the file and the typed layer. Does not look at values.

with outcomes as (

    select * from {{ ref('stg_gharchive__load_outcomes') }}
    where
        status = 'landed'
        and {{ uncertified('stg_gharchive__deliveries') }}

)

select
    load_id,
    partition_start,
    lines_read,
    rows_landed,
    rows_rejected,
    typed_count,
    quarantined_count,
    duplicates_count
from outcomes
where
    rows_landed <> typed_count + quarantined_count + duplicates_count
    or lines_read <> rows_landed + rows_rejected
