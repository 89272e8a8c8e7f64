{#- Values are many and their bins few: they are counted by hashing, not by sorting. #}
{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}],
    pre_hook=[hash_joins_only(), 'set local enable_sort = off'],
) }}

{%- set partitions = sampled_partitions() %}
{{ builds(partitions) }}

with sampled as (

    {{ sample_of(partitions) }}

),

references_of_versions as (

    select * from {{ source('headgate', 'model_references') }}

),

-- A step of its own: joined to what training saw first, an answer would be looked up once for each input.
-- What the contract's privacy took out of the log is not missing: it has no row.
given as (

    select
        sampled.partition_start,
        sampled.day,
        sampled.model,
        sampled.version,
        unpacked.input,
        unpacked.value
    from sampled
    cross join
        lateral (
            select (jsonb_each(jsonb_build_object('score', sampled.score) || answers.features)).*
            from {{ ref('stg_predictions__answers') }} as answers
            where answers.record_id = sampled.record_id
            offset 0  -- noqa: AM09
        ) as unpacked (input, value)
    offset 0  -- noqa: AM09

),

-- Training counts rare texts as missing, so unknown ones are, too.
binned as (

    select
        given.partition_start,
        given.day,
        given.model,
        given.version,
        given.input,
        case jsonb_typeof(given.value)
            when 'number' then width_bucket(given.value::double precision, frozen.edges)
            when 'boolean' then width_bucket(given.value::boolean::integer::double precision, frozen.edges)
            when 'string'
                then
                    case
                        when cardinality(frozen.labels) = 0 then 0
                        else coalesce(
                            array_position(frozen.labels, given.value #>> '{}') - 1,
                            cardinality(frozen.counts)
                        )
                    end
            else cardinality(frozen.counts)
        end as bin
    from given
    inner join references_of_versions as frozen
        on
            given.model = frozen.model
            and given.version = frozen.version
            and given.input = frozen.feature

),

counted as (

    select
        partition_start,
        day,
        model,
        version,
        input,
        bin,
        count(*) as keys_count
    from binned
    group by partition_start, day, model, version, input, bin

)

select * from counted
