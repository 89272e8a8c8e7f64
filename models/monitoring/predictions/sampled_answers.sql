{{ config(materialized='view') }}

with samples as (

    select * from {{ ref('model_sample') }}

),

first_answers as (

    select distinct on (model, version, day, key) *
    from samples
    order by model, version, day, key, answered_at, partition_start, line_number

),

drawn as (

    select
        *,
        dense_rank() over (partition by model, version, day order by key_hash) as place
    from first_answers

)

select
    partition_start,
    day,
    model,
    version,
    key,
    answered_at,
    line_number,
    record_id,
    release_id,
    score,
    answer,
    slices
from drawn
where place <= {{ sampled_keys() }}
