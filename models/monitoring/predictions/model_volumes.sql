{{ config(materialized='view') }}

with newest as (

    select distinct on (model)
        model,
        champion as version,
        happened_at
    from {{ source('headgate', 'promotions') }}
    order by model asc, promotion_id desc

),

-- What was withdrawn is to answer nothing.
promotions as (

    select * from newest
    where version is not null

),

yesterday as (

    select (now() at time zone 'UTC')::date - 1 as day

)

-- A champion that nobody asked has no row of its own.
select
    day,
    model,
    version,
    partition_start,
    answers_count
from {{ ref('model_days') }}
where day < (now() at time zone 'UTC')::date
union all
select
    asked.day,
    promotions.model,
    promotions.version,
    null as partition_start,
    0 as answers_count
from promotions
cross join yesterday as asked
where
    (promotions.happened_at at time zone 'UTC')::date < asked.day
    and not exists (
        select 1 from {{ ref('model_days') }} as days
        where
            days.model = promotions.model
            and days.version = promotions.version
            and days.day = asked.day
    )
