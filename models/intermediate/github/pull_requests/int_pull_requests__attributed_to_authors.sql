{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': ['event_id'], 'unique': true},
        {'columns': ['repository_id', 'created_at']},
        {'columns': ['author_id', 'created_at']},
    ],
) }}

{#- An event without an author waits for its pull request's opening: when that changes, it is built again. -#}
{%- set changed = stale_partitions(['stg_gharchive__pull_requests']) %}
{%- set partitions = changed %}
{%- if changed and is_incremental() %}
    {%- set waiting %}
        select unattributed.partition_start
        from {{ ref('stg_gharchive__pull_requests') }} as unattributed
        where
            unattributed.author_id is null
            and unattributed.outcome in ('merged', 'rejected')
            and unattributed.pull_request_id in (
                select opening.pull_request_id from {{ ref('stg_gharchive__pull_requests') }} as opening
                where opening.outcome = 'opened' and {{ in_partitions(changed, 'opening.partition_start') }}
                union
                select opening.pull_request_id from {{ this }} as opening
                where opening.outcome = 'opened' and {{ in_partitions(changed, 'opening.partition_start') }}
            )
    {%- endset %}
    {%- set partitions = stale_partitions(['stg_gharchive__pull_requests'], extra=waiting) %}
{%- endif %}
{{ builds(partitions) }}

with pull_requests as not materialized (

    select * from {{ ref('stg_gharchive__pull_requests') }}

),

outcomes as (

    select * from pull_requests
    where
        outcome is not null
        and {{ in_partitions(partitions) }}

),

attributed as (

    select
        outcomes.event_id,
        outcomes.partition_start,
        outcomes.repository_id,
        outcomes.pull_request_id,
        outcomes.actor_id,
        coalesce(outcomes.author_id, opening.actor_id) as author_id,
        coalesce(outcomes.author_login, opening.actor_login) as author_login,
        outcomes.outcome,
        case
            when outcomes.outcome = 'merged' then (
                extract(
                    epoch from coalesce(outcomes.pull_request_merged_at, outcomes.created_at)
                    - coalesce(outcomes.pull_request_created_at, opening.created_at)
                ) / 3600
            )::double precision
        end as hours_to_merge,
        outcomes.created_at
    from outcomes
    left join lateral (
        select
            opened.actor_id,
            opened.actor_login,
            opened.created_at
        from pull_requests as opened
        where
            (outcomes.author_id is null or outcomes.pull_request_created_at is null)
            and opened.pull_request_id = outcomes.pull_request_id
            and opened.outcome = 'opened'
        order by opened.created_at, opened.event_id
        limit 1
    ) as opening on true

)

select * from attributed
