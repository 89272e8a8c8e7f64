-- The share of a partition's records that break the contract stays under the policy in seed gate_thresholds.
-- Pins down a source that changed its shape: such records are kept aside one by one, and nobody looks.
with outcomes as (

    select * from {{ ref('stg_gharchive__load_outcomes') }}
    where
        status = 'landed'
        and {{ uncertified('stg_gharchive__deliveries') }}

),

thresholds as (

    select * from {{ ref('gate_thresholds') }}
    where gate = 'quarantined_share'

)

select
    outcomes.load_id,
    outcomes.partition_start,
    outcomes.rows_landed,
    outcomes.quarantined_count,
    outcomes.accepted_count
from outcomes
cross join thresholds
where
    -- What somebody accepted, or discarded, stops nothing.
    outcomes.quarantined_count - outcomes.accepted_count > thresholds.maximum * outcomes.rows_landed
    -- A load may hold a single message: one that is odd must not stop all that follows.
    and outcomes.quarantined_count - outcomes.accepted_count >= thresholds.minimum
