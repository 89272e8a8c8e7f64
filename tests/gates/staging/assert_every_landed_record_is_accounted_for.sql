-- Every landed record is typed once, quarantined or counted as a duplicate; every line read was landed or rejected.
-- Pins down silent loss anywhere between the file and the typed layer. Does not look at the values of the records.

with outcomes as (

    select * from {{ ref('stg_gharchive__load_outcomes') }}
    where
        status = 'landed'
        and {{ uncertified('stg_gharchive__deliveries') }}

)

select * from outcomes
where
    rows_landed <> typed_count + quarantined_count + duplicates_count
    or lines_read <> rows_landed + rows_rejected
