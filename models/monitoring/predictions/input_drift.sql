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

limits as (

    select * from {{ ref('model_limits') }}

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

-- Bins too rare for a chi-square count together as one.
pooled as (

    select
        day,
        model,
        version,
        input,
        max(partition_start) as partition_start,
        sum(training) as training,
        sum(now) as now,
        max(training_sum) as training_sum,
        max(now_sum) as now_sum
    from bins
    where training + now > 0
    group by
        day,
        model,
        version,
        input,
        case when least(training_sum, now_sum) * (training + now) >= 5 * (training_sum + now_sum) then bin end

),

-- Half a value more in each bin keeps an empty one finite.
shares as (

    select
        *,
        (training + 0.5) / (training_sum + count(*) over of_input / 2.0) as training_share,
        (now + 0.5) / (now_sum + count(*) over of_input / 2.0) as now_share
    from pooled
    window of_input as (partition by day, model, version, input)

),

compared as (

    select
        day,
        model,
        version,
        input,
        max(partition_start) as partition_start,
        max(training_sum) as training_count,
        max(now_sum) as keys_count,
        count(*) - 1 as degrees,
        sum((now_share - training_share) * ln(now_share / training_share))::double precision as psi
    from shares
    where training_sum > 0
    group by day, model, version, input

),

tested as (

    select
        compared.*,
        compared.psi * training_count * keys_count / (training_count + keys_count) as chi_square
    from compared

),

chances as (

    select
        tested.*,
        {{ chi_square_chance('tested.chi_square', 'tested.degrees') }} as p_value
    from tested

),

-- Benjamini and Hochberg: many inputs are looked at. By rank, how many are as small; equal ones all count.
weighed as (

    select
        *,
        p_value * count(*) over (partition by day, model, version)
        / count(*) over (partition by day, model, version order by p_value) as weighed_p
    from chances

),

corrected as (

    select
        weighed.*,
        least(
            1,
            min(weighed_p) over (partition by day, model, version order by p_value desc)
        ) as q_value
    from weighed

)

select
    corrected.partition_start,
    corrected.day,
    corrected.model,
    corrected.version,
    corrected.input,
    corrected.training_count,
    corrected.keys_count,
    corrected.degrees,
    corrected.psi,
    corrected.p_value,
    corrected.q_value,
    corrected.q_value <= alpha.threshold and corrected.psi >= size.threshold as is_alarm
from corrected
left join limits as alpha
    on corrected.model = alpha.model and corrected.version = alpha.version and alpha.alarm = 'drift_alpha'
left join limits as size
    on corrected.model = size.model and corrected.version = size.version and size.alarm = 'drift_size'
