{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = sampled_partitions() %}
{{ builds(partitions) }}

with sampled as (

    {{ sample_of(partitions) }}

),

references_of_versions as (

    select * from {{ source('headgate', 'model_references') }}

),

answers as (

    select
        sampled.*,
        -- Unpacked once, not once a feature.
        looked_up.inputs
    from sampled
    cross join
        lateral (
            select jsonb_build_object('score', sampled.score) || answers.features as inputs
            from {{ ref('stg_predictions__answers') }} as answers
            where answers.record_id = sampled.record_id
            offset 0  -- noqa: AM09
        ) as looked_up

),

given as (

    select
        answers.partition_start,
        answers.day,
        answers.model,
        answers.version,
        frozen.feature as input,
        answers.inputs -> frozen.feature as value,
        frozen.edges,
        frozen.labels,
        cardinality(frozen.counts) as missing_bin
    from answers
    inner join references_of_versions as frozen
        on answers.model = frozen.model and answers.version = frozen.version
    -- What the contract's privacy took out of the log is not missing.
    where answers.inputs ? frozen.feature

),

-- Training counts rare texts as missing, so unknown ones are, too.
binned as (

    select
        partition_start,
        day,
        model,
        version,
        input,
        case jsonb_typeof(value)
            when 'number' then width_bucket(value::double precision, edges)
            when 'boolean' then width_bucket(value::boolean::integer::double precision, edges)
            when 'string'
                then
                    case
                        when cardinality(labels) = 0 then 0
                        else coalesce(array_position(labels, value #>> '{}') - 1, missing_bin)
                    end
            else missing_bin
        end as bin
    from given

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
