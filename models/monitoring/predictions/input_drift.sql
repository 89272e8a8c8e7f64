{{ config(materialized='view') }}

-- Each step is read once: what is read twice PostgreSQL computes whole, for all days.
with limits as (

    select * from {{ ref('model_limits') }}

),

-- Half a value more in each bin keeps an empty one finite.
shares as (

    select
        *,
        (training_count + 0.5) / (training_sum + count(*) over of_input / 2.0) as training_share,
        (keys_count + 0.5) / (keys_sum + count(*) over of_input / 2.0) as now_share
    from {{ ref('input_bins') }}
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
        max(keys_sum) as keys_count,
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
