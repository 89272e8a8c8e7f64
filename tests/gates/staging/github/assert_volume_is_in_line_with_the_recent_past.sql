-- A partition holds about as many records as the ones before it; the bounds are in seed gate_thresholds.
-- Pins down a half delivered hour that parses well. Says nothing of the first partitions of a history.
with loads as (

    select
        *,
        extract(epoch from partition_end - partition_start) / 3600 as hours
    from {{ source('headgate', 'loads') }}
    where source = 'gharchive' and status = 'landed'

),

thresholds as (

    select * from {{ ref('gate_thresholds') }}
    where gate = 'volume'

),

checked as (

    select * from loads
    where {{ uncertified('stg_gharchive__deliveries') }}

),

compared as (

    select
        checked.partition_start,
        checked.rows_landed,
        (
            select
                percentile_cont(0.5) within group (
                    order by earlier.rows_landed / earlier.hours * checked.hours
                )
            from (
                select * from loads
                where loads.partition_start < checked.partition_start
                order by loads.partition_start desc
                limit 24
            ) as earlier
            having count(*) >= 3
        ) as usual_rows
    from checked

)

select
    compared.partition_start,
    compared.rows_landed,
    compared.usual_rows
from compared
cross join thresholds
where
    compared.rows_landed < thresholds.minimum * compared.usual_rows
    or compared.rows_landed > thresholds.maximum * compared.usual_rows
