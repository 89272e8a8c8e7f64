{#- If dbt says that this model depends on a node which was not found: take that spine out of `label_spines`
    in dbt_project.yml, or bring its file back. -#}
{{ config(
    indexes=[{'columns': ['partition_start']}, {'columns': ['day', 'model', 'version']}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = sampled_partitions(unlabelled_partitions()) %}
{{ builds(partitions) }}

with sampled as (

    {{ sample_of(partitions) }}

),

versions as (

    select
        model,
        version,
        coalesce(manifest #> '{options,slices}', '{}') as slices
    from {{ source('headgate', 'model_versions') }}

),

labels as (

    {{ labels_of_answers('sampled', partitions) }}

),

scored as (

    select
        sampled.partition_start,
        sampled.day,
        sampled.model,
        sampled.version,
        sampled.record_id,
        sampled.score,
        sampled.slices,
        labels.label,
        (sampled.score - labels.label) ^ 2 as loss
    from sampled
    inner join labels on sampled.record_id = labels.record_id
    where sampled.score is not null

),

sliced as (

    select
        scored.*,
        slices.name as slice,
        {{ slice_value('slices.value', 'frozen.edges') }} as slice_value
    from scored
    inner join versions on scored.model = versions.model and scored.version = versions.version
    cross join lateral jsonb_each(scored.slices) as slices (name, value)
    left join {{ source('headgate', 'model_references') }} as frozen
        on
            scored.model = frozen.model
            and scored.version = frozen.version
            and versions.slices ->> slices.name = frozen.feature
    union all
    select
        scored.*,
        'all' as slice,
        '' as slice_value
    from scored

),

summed as (

    select
        partition_start,
        day,
        model,
        version,
        slice,
        slice_value,
        count(*) as keys_count,
        count(label) as labels_count,
        sum(loss) as loss_sum,
        sum(loss ^ 2) as loss_squares_sum,
        sum(score) filter (where label is not null) as scores_sum,
        sum(label) as labels_sum,
        sum(score * (1 - score)) filter (where label is not null and score between 0 and 1) as variance_sum
    from sliced
    group by partition_start, day, model, version, slice, slice_value

)

select * from summed
