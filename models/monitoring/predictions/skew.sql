{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['model_sample'], source_name='predictions') %}
{{ builds(partitions) }}

with sampled as (

    select * from {{ ref('model_sample') }}
    where {{ in_partitions(partitions) }}

),

served as (

    select
        sampled.*,
        looked_up.as_of,
        looked_up.features
    from sampled
    cross join
        lateral (
            select
                answers.as_of,
                answers.features
            from {{ ref('stg_predictions__answers') }} as answers
            where answers.record_id = sampled.record_id
            offset 0  -- noqa: AM09
        ) as looked_up

),

compared as (

    {{ served_against_store('served', partitions) }}

),

counted as (

    select
        partition_start,
        day,
        model,
        version,
        release_id,
        view,
        count(*) as compared_count,
        count(*) filter (where is_differing) as differing_count,
        count(*) filter (where is_unknown) as unknown_count,
        count(*) filter (where is_behind) as behind_count
    from compared
    group by partition_start, day, model, version, release_id, view

)

select * from counted
