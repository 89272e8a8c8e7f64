{{ config(indexes=[{'columns': ['partition_start']}, {'columns': ['day']}]) }}

{%- set partitions = stale_partitions(['stg_predictions__answers'], source_name='predictions') %}
{{ builds(partitions) }}

with answers as (

    select * from {{ ref('stg_predictions__answers') }}
    where
        {{ in_partitions(partitions) }}
        and status = 'answered'

),

hashed as (

    select
        partition_start,
        (recorded_at at time zone 'UTC')::date as day,
        model,
        version::integer as version,
        key,
        hashtextextended(key, 13) as key_hash,
        recorded_at as answered_at,
        line_number,
        record_id,
        release_id::integer as release_id,
        score::double precision as score
    from answers

),

-- Whichever loads a day comes in, the keys with its smallest hashes are among those of its loads.
drawn as (

    select
        *,
        dense_rank() over (partition by partition_start, day, model, version order by key_hash) as place
    from hashed

),

first_answers as (

    select distinct on (partition_start, day, model, version, key)
        partition_start,
        day,
        model,
        version,
        key,
        key_hash,
        answered_at,
        line_number,
        record_id,
        release_id,
        score
    from drawn
    where place <= {{ sampled_keys() }}
    order by partition_start, day, model, version, key, answered_at, line_number

)

select * from first_answers
