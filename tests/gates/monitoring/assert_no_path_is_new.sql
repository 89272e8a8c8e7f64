-- No record type has a path that it had in no load before. Warns: what is new is landed and kept, and not
-- typed until the contract declares it.
{{ config(severity='warn') }}

select
    partition_start,
    finding,
    record_type,
    path,
    explanation
from {{ ref('contract_drift') }}
where
    finding = 'new path'
    and {{ uncertified('contract_drift') }}
