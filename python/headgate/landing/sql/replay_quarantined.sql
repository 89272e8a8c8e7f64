-- Forgets that the partitions with quarantined rows were built, so that the next build types them again.
with quarantined as (
    select quarantine.partition_start, count(*) as quarantined_rows
    from {quarantine} as quarantine
    where exists (
        select from ops.loads
        where
            loads.partition_start = quarantine.partition_start
            and loads.status = 'landed'
            and $4 in (loads.source, loads.contract_source)
            and loads.partition_start < $3 and loads.partition_end > $2
    )
    group by quarantine.partition_start
),

forgotten as (
    delete from ops.built_partitions
    using quarantined
    where
        built_partitions.partition_start = quarantined.partition_start
        and built_partitions.model like $1
    returning built_partitions.partition_start
)

select
    quarantined.partition_start,
    quarantined.quarantined_rows,
    count(forgotten.partition_start) as models
from quarantined
left join forgotten on quarantined.partition_start = forgotten.partition_start
group by quarantined.partition_start, quarantined.quarantined_rows
order by quarantined.partition_start
