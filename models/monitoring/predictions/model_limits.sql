{{ config(materialized='view') }}

with versions as (

    select
        model,
        version,
        coalesce(manifest #> '{options,alerts}', '{}') as declared
    from {{ source('headgate', 'model_versions') }}

),

alarms as (

    select * from {{ ref('model_alarm_limits') }}

)

select
    versions.model,
    versions.version,
    alarms.alarm,
    case
        when not versions.declared ? alarms.alarm then alarms.threshold
        when jsonb_typeof(versions.declared -> alarms.alarm) = 'number'
            then (versions.declared ->> alarms.alarm)::double precision
    end as threshold
from versions
cross join alarms
