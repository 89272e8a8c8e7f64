{{ config(materialized='view') }}

-- What is named several times is no CTE: PostgreSQL would compute all days for one.
with limits as (

    select * from {{ ref('model_limits') }}

),

-- A share or quantile is an alarm where its lower bound passes the limit: few answers prove little.
measured as (

    {%- for limit, subject, column, bound, source in [
        ('largest_error_rate', 'errors', 'error_rate', 'error_rate_low', 'days'),
        ('largest_p95_seconds', 'latency', 'p95_seconds', 'p95_seconds_low', 'days'),
        ('largest_p95_staleness_seconds', 'staleness', 'p95_staleness_seconds', 'p95_staleness_seconds_low', 'days'),
        ('smallest_volume', 'volume', 'answers_count', 'answers_count', 'volumes'),
    ] %}
    select
        {{ source }}.partition_start,
        {{ source }}.day,
        {{ source }}.model,
        {{ source }}.version,
        '{{ subject }}' as alarm,
        '' as subject,
        {{ source }}.{{ column }}::double precision as figure,
        limits.threshold,
        {{ source }}.answers_count
    from {{ ref('model_' ~ source) }} as {{ source }}
    inner join limits on {{ source }}.model = limits.model and {{ source }}.version = limits.version
    where
        limits.alarm = '{{ limit }}'
        and {{ source }}.{{ bound }} {{ '<' if limit.startswith('smallest') else '>' }} limits.threshold
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

drifted as (

    select
        partition_start,
        day,
        model,
        version,
        'drift' as alarm,
        input as subject,
        psi as figure,
        q_value as threshold,
        keys_count::bigint as answers_count
    from {{ ref('input_drift') }}
    where is_alarm

),

skewed as (

    select
        max(skew.partition_start) as partition_start,
        skew.day,
        skew.model,
        skew.version,
        counts.alarm,
        skew.view as subject,
        sum(counts.answers_count)::double precision as figure,
        0::double precision as threshold,
        sum(skew.compared_count)::bigint as answers_count
    from {{ ref('skew') }} as skew
    cross join
        lateral (
            values
            ('differing', skew.differing_count),
            ('unknown', skew.unknown_count),
            ('behind', skew.behind_count)
        ) as counts (alarm, answers_count)
    group by skew.day, skew.model, skew.version, counts.alarm, skew.view
    having sum(counts.answers_count) > 0

),

lossy as (

    select
        quality.partition_start,
        quality.day,
        quality.model,
        quality.version,
        'loss' as alarm,
        case
            when quality.slice = 'all' then ''
            else quality.slice || ' is ' || quality.slice_value
        end as subject,
        quality.loss_low as figure,
        limits.threshold,
        quality.labels_count as answers_count
    from {{ ref('quality') }} as quality
    inner join limits on quality.model = limits.model and quality.version = limits.version
    inner join limits as smallest
        on
            quality.model = smallest.model
            and quality.version = smallest.version
            and smallest.alarm = 'smallest_slice'
    where
        limits.alarm = 'largest_loss'
        and quality.loss_low > limits.threshold
        and (
            quality.slice = 'all'
            or quality.labels_count >= smallest.threshold
        )

),

alarms as (

    select * from measured
    union all
    select * from drifted
    union all
    select * from skewed
    union all
    select * from lossy

)

select
    partition_start,
    day,
    model,
    version,
    alarm,
    subject,
    figure,
    threshold,
    answers_count,
    {{ alarm_sentence() }} as sentence
from alarms
