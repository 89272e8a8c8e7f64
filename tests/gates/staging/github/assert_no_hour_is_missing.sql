-- Warns of hours between the first and the last landed one that did not land: windows there count too little.
-- A warning only: the archive itself has such hours, and a late one is worked in when it comes.
{{ config(severity='warn') }}

with loads as (

    select
        partition_start,
        partition_end,
        max(partition_end) over (
            order by partition_start rows between unbounded preceding and 1 preceding
        ) as covered_until
    from {{ source('headgate', 'loads') }}
    where source = 'gharchive' and status = 'landed'

)

select
    covered_until as missing_from,
    partition_start as missing_until
from loads
where
    partition_start > covered_until
    and {{ uncertified('stg_gharchive__deliveries') }}
