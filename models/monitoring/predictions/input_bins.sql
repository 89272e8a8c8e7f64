{{ config(materialized='view') }}

-- Each step is read once: what is read twice PostgreSQL computes whole, for all days.
with histograms as (

    select
        day,
        model,
        version,
        input,
        bin,
        max(partition_start) as partition_start,
        sum(keys_count) as now
    from {{ ref('input_histograms') }}
    group by day, model, version, input, bin

),

seen as (

    select
        day,
        model,
        version,
        input,
        max(partition_start) as partition_start,
        sum(now) as now_sum,
        jsonb_object_agg(bin, now) as now_by_bin
    from histograms
    group by day, model, version, input

),

-- The bin after the last is of what has no value.
bins as (

    select
        seen.day,
        seen.model,
        seen.version,
        seen.input,
        seen.partition_start,
        held.place - 1 as bin,
        held.training,
        sum(held.training) over (partition by seen.day, seen.model, seen.version, seen.input) as training_sum,
        coalesce((seen.now_by_bin ->> (held.place - 1)::text)::numeric, 0) as now,
        seen.now_sum
    from seen
    inner join {{ source('headgate', 'model_references') }} as frozen
        on seen.model = frozen.model and seen.version = frozen.version and seen.input = frozen.feature
    cross join lateral unnest(frozen.counts || frozen.missing) with ordinality as held (training, place)

),

-- Bins too rare for a chi-square count together as one, which has no number.
placed as (

    select
        *,
        case
            when least(training_sum, now_sum) * (training + now) >= 5 * (training_sum + now_sum) then bin
        end as pool
    from bins
    where training + now > 0

)

select
    day,
    model,
    version,
    input,
    pool as bin,
    max(partition_start) as partition_start,
    sum(training) as training_count,
    sum(now)::bigint as keys_count,
    max(training_sum) as training_sum,
    max(now_sum)::bigint as keys_sum
from placed
group by day, model, version, input, pool
