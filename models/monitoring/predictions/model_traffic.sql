{{ config(indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}]) }}

{%- set partitions = stale_partitions(['stg_predictions__answers'], source_name='predictions') %}
{{ builds(partitions) }}

with answers as (

    select * from {{ ref('stg_predictions__answers') }}
    where {{ in_partitions(partitions) }}

),

timed as (

    select
        partition_start,
        date_trunc('hour', recorded_at, 'UTC') as hour,
        model,
        version::integer as version,
        status,
        seconds::double precision as seconds,
        staleness_seconds::double precision as staleness_seconds,
        {{ duration_bin('seconds') }} as seconds_bin,
        {{ duration_bin('staleness_seconds') }} as staleness_bin,
        score::double precision as score
    from answers

),

counted as (

    select
        partition_start,
        (hour at time zone 'UTC')::date as day,
        hour,
        model,
        version,
        seconds_bin,
        staleness_bin,
        count(*) as answers_count,
        count(*) filter (where status = 'failed') as failed_count,
        count(*) filter (where status = 'refused') as refused_count,
        sum(seconds) as seconds_sum,
        max(seconds) as seconds_max,
        max(staleness_seconds) as staleness_max,
        count(score) as scores_count,
        sum(score) as scores_sum,
        sum(score * (1 - score)) filter (where score between 0 and 1) as variance_sum
    from timed
    group by partition_start, hour, model, version, seconds_bin, staleness_bin

)

select * from counted
