{{ config(materialized='view') }}

-- The table is named three times and is no CTE: PostgreSQL would read all days for one.
with limits as (

    select * from {{ ref('model_limits') }}

),

totals as (

    select
        day,
        model,
        version,
        max(partition_start) as partition_start,
        sum(answers_count) as answers_count,
        sum(failed_count) as failed_count,
        sum(refused_count) as refused_count,
        sum(seconds_sum) as seconds_sum,
        max(staleness_max) as largest_staleness_seconds,
        sum(scores_sum) / nullif(sum(scores_count), 0) as mean_score,
        sum(variance_sum) / nullif(sum(scores_count), 0) as expected_brier
    from {{ ref('model_traffic') }}
    where counted_by = 'hour'
    group by day, model, version

),

seconds as (

    {{ binned_quantiles(ref('model_traffic'), 'seconds_bin', 'seconds_max', [50, 95, 99]) }}

),

staleness as (

    {{ binned_quantiles(ref('model_traffic'), 'staleness_bin', 'staleness_max', [50, 95]) }}

)

select
    totals.partition_start,
    totals.day,
    totals.model,
    totals.version,
    totals.answers_count::bigint as answers_count,
    totals.failed_count::bigint as failed_count,
    totals.refused_count::bigint as refused_count,
    (totals.failed_count / totals.answers_count)::double precision as error_rate,
    ({{ share_low('totals.failed_count', 'totals.answers_count') }})::double precision as error_rate_low,
    seconds.p50 as p50_seconds,
    seconds.p95 as p95_seconds,
    seconds.p95_low as p95_seconds_low,
    seconds.p99 as p99_seconds,
    staleness.p50 as p50_staleness_seconds,
    staleness.p95 as p95_staleness_seconds,
    staleness.p95_low as p95_staleness_seconds_low,
    totals.largest_staleness_seconds,
    totals.mean_score,
    totals.expected_brier,
    totals.seconds_sum * 1000 / totals.answers_count as seconds_per_thousand,
    totals.seconds_sum * 1000 / totals.answers_count * price.threshold / 3600 as cost_per_thousand
from totals
left join seconds
    on totals.day = seconds.day and totals.model = seconds.model and totals.version = seconds.version
left join staleness
    on totals.day = staleness.day and totals.model = staleness.model and totals.version = staleness.version
left join limits as price
    on totals.model = price.model and totals.version = price.version and price.alarm = 'cost_per_hour'
