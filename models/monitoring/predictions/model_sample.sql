{#- Grouped by hashing, also while PostgreSQL has no statistics of the many answers and would sort them. #}
{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day']}],
    pre_hook=[hash_joins_only(), 'set local enable_sort = off', "set local work_mem = '64MB'"],
) }}

{%- set partitions = stale_partitions(['stg_predictions__answers'], source_name='predictions') %}
{{ builds(partitions) }}

with answers as (

    select * from {{ ref('stg_predictions__answers') }}
    where
        {{ in_partitions(partitions) }}
        and status = 'answered'

),

versions as (

    select
        model,
        version,
        manifest #> '{options,slices}' as slices
    from {{ source('headgate', 'model_versions') }}

),

-- The first line of each key, without a sort of all answers; which record that is, is a part of the text.
keys as (

    select
        partition_start,
        ({{ bin_of_time('1 day') }} at time zone 'UTC')::date as day,
        model,
        version::integer as version,
        key,
        min(((10000000000 + line_number)::text || record_id) collate "C") as first_line
    from answers
    group by partition_start, {{ bin_of_time('1 day') }}, model, version, key

),

-- Whichever loads a day comes in, the keys with its smallest hashes are among those of its loads.
drawn as (

    select
        keys.*,
        hashtextextended(key, 13) as key_hash,
        dense_rank() over (
            partition by partition_start, day, model, version
            order by hashtextextended(key, 13)
        ) as place
    from keys

),

first_answers as (

    select
        drawn.partition_start,
        drawn.day,
        drawn.model,
        drawn.version,
        drawn.key,
        drawn.key_hash,
        looked_up.answered_at,
        looked_up.line_number,
        looked_up.record_id,
        looked_up.release_id,
        looked_up.score,
        looked_up.answer,
        looked_up.slices
    from drawn
    left join versions on drawn.model = versions.model and drawn.version = versions.version
    cross join
        lateral (
            -- Slices are kept: labels come for days, and each time the answers would be looked up again.
            select
                found.recorded_at as answered_at,
                found.line_number,
                found.record_id,
                found.release_id::integer as release_id,
                found.score::double precision as score,
                found.answer,
                (
                    select jsonb_object_agg(slices.name, found.features -> slices.input)
                    from jsonb_each_text(coalesce(versions.slices, '{}')) as slices (name, input)
                ) as slices
            from {{ ref('stg_predictions__answers') }} as found
            -- Back to the collation of the index.
            where found.record_id = substr(drawn.first_line, 12) collate "default"
            offset 0  -- noqa: AM09
        ) as looked_up
    where drawn.place <= {{ sampled_keys() }}

)

select * from first_answers
