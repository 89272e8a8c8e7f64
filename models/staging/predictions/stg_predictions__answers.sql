{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['record_id'], 'unique': true},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['stg_predictions__deliveries'], source_name='predictions') %}
{{ builds(partitions) }}

with records as (

    {{ kept_records('predictions', 'answers', partitions) }}

),

typed as (

    select
        -- ids
        records.record_id,
        records.partition_start,
        records.line_number,
        root.release_id::bigint as release_id,

        -- strings
        root.answer,
        root.error,
        root.key,
        root.model,
        root.role,
        shadow.error as shadow_error,
        root.status,

        -- numerics
        root.canary_share,
        root.challenger_version::bigint as challenger_version,
        root.champion_version::bigint as champion_version,
        root.score,
        root.seconds,
        shadow.score as shadow_score,
        shadow.seconds as shadow_seconds,
        shadow.version::bigint as shadow_version,
        root.staleness_seconds,
        root.version::bigint as version,

        -- booleans
        root.explained,

        -- timestamps
        records.recorded_at,

        -- json
        root.as_of,
        root.features,
        root.probabilities,
        shadow.probabilities as shadow_probabilities
    from records
    cross join
        lateral {{ json_fields('records.record') }}
            as root (
                answer text,
                as_of jsonb,
                canary_share numeric,
                challenger_version numeric,
                champion_version numeric,
                error text,
                explained boolean,
                features jsonb,
                key text,
                model text,
                probabilities jsonb,
                release_id numeric,
                role text,
                score numeric,
                seconds numeric,
                shadow jsonb,
                staleness_seconds numeric,
                status text,
                version numeric
            )
    cross join
        lateral {{ json_fields('root.shadow') }}
            as shadow (
                error text,
                probabilities jsonb,
                score numeric,
                seconds numeric,
                version numeric
            )

)

select * from typed
