{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}],
    pre_hook=[hash_joins_only(), 'set local enable_sort = off'],
) }}

{%- set partitions = stale_partitions(['stg_predictions__answers'], source_name='predictions') %}
{{ builds(partitions) }}

with answers as (

    select * from {{ ref('stg_predictions__answers') }}
    where {{ in_partitions(partitions) }}

),

-- Not merged into the steps below, each of which would turn the same decimals into floating point again.
timed as (

    select
        partition_start,
        {{ bin_of_time('1 hour') }} as hour,
        model,
        version,
        status,
        seconds::double precision as seconds,
        staleness_seconds::double precision as staleness_seconds,
        score::double precision as score
    from answers
    offset 0  -- noqa: AM09

),

binned as (

    select
        *,
        {{ duration_bin('seconds') }} as seconds_bin,
        {{ duration_bin('staleness_seconds') }} as staleness_bin
    from timed

),

-- Once over all answers, by hashing; the three ways to count then read the few groups of this.
grouped as (

    select
        partition_start,
        model,
        version,
        hour,
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
    from binned
    group by partition_start, model, version, hour, seconds_bin, staleness_bin

),

dated as (

    select
        *,
        (hour at time zone 'UTC')::date as day
    from grouped

),

counted as (

    select
        partition_start,
        day,
        model,
        version::integer as version,
        case
            when grouping(hour) = 0 then 'hour'
            when grouping(seconds_bin) = 0 then 'seconds'
            else 'staleness'
        end as counted_by,
        hour,
        seconds_bin,
        staleness_bin,
        sum(answers_count)::bigint as answers_count,
        sum(failed_count)::bigint as failed_count,
        sum(refused_count)::bigint as refused_count,
        sum(seconds_sum) as seconds_sum,
        max(seconds_max) as seconds_max,
        max(staleness_max) as staleness_max,
        sum(scores_count)::bigint as scores_count,
        sum(scores_sum) as scores_sum,
        sum(variance_sum) as variance_sum
    from dated
    group by
        grouping sets (
            (partition_start, day, model, version, hour),
            (partition_start, day, model, version, seconds_bin),
            (partition_start, day, model, version, staleness_bin)
        )

)

select * from counted
