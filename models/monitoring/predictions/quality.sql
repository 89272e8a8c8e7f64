{{ config(materialized='view') }}

with sums as (

    select * from {{ ref('quality_sums') }}

),

totals as (

    select
        day,
        model,
        version,
        slice,
        slice_value,
        max(partition_start) as partition_start,
        sum(keys_count)::bigint as keys_count,
        sum(labels_count)::bigint as labels_count,
        sum(loss_sum) as loss_sum,
        sum(loss_squares_sum) as loss_squares_sum,
        sum(scores_sum) as scores_sum,
        sum(labels_sum) as labels_sum,
        sum(variance_sum) as variance_sum
    from sums
    group by day, model, version, slice, slice_value

),

figures as (

    select
        totals.*,
        loss_sum / nullif(labels_count, 0) as loss,
        {{ mean_margin('labels_count', 'loss_sum', 'loss_squares_sum') }} as margin
    from totals

)

select
    partition_start,
    day,
    model,
    version,
    slice,
    slice_value,
    keys_count,
    labels_count,
    loss,
    loss - margin as loss_low,
    loss + margin as loss_high,
    scores_sum / nullif(labels_count, 0) as mean_score,
    labels_sum / nullif(labels_count, 0) as mean_label,
    (labels_sum - scores_sum) / nullif(sqrt(variance_sum), 0) as calibration_z
from figures
