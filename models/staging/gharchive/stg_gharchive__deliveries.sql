{{ config(
    indexes=[
        {'columns': ['partition_start', 'line_number'], 'unique': true},
        {'columns': ['repository_id', 'created_at']},
        {'columns': ['actor_id', 'created_at']},
    ],
    pre_hook=hash_joins_only(),
    post_hook=[
        'create unique index if not exists stg_gharchive__deliveries_kept on {{ this }} (event_id) where is_kept',
        'create index if not exists stg_gharchive__deliveries_dropped on {{ this }} (event_id) where not is_kept',
    ],
) }}

{%- set partitions = delivery_partitions('gharchive', 'events', identity='event_id') %}
{%- do waits_for(['gate_thresholds', 'contract_paths', 'gharchive_observed_paths']) %}
{{ builds(partitions) }}

with landed as (

    {{ landed_records('gharchive', 'events', partitions) }}

),

loads as (

    select * from {{ source('headgate', 'loads') }}
    where contract_source = 'gharchive'

),

quarantine as (

    select * from {{ ref('stg_gharchive__quarantine') }}
    where {{ in_partitions(partitions) }}

),

-- The offset is a barrier: nothing of a record that breaks the contract may be unpacked into columns.
accepted as (

    select
        loads.partition_start,
        landed.line_number,
        landed.record_id,
        landed.record_type,
        landed.recorded_at,
        landed.record
    from landed
    inner join loads on landed.load_id = loads.load_id
    left join quarantine
        on loads.partition_start = quarantine.partition_start and landed.line_number = quarantine.line_number
    where quarantine.line_number is null
    offset 0  -- noqa: AM09

),

typed as (

    select
        accepted.partition_start,
        accepted.line_number,
        accepted.record_id as event_id,
        accepted.record_type as event_type,
        {{ gharchive_schema_generation('accepted') }} as schema_generation,
        actor.id::bigint as actor_id,
        coalesce(actor.login, {{ json_string('root.actor') }}) as actor_login,
        coalesce(repo.id::bigint, repository.id::bigint) as repository_id,
        coalesce(repo.name, repository.owner || '/' || repository.name) as repository_name,
        org.id::bigint as organization_id,
        coalesce(org.login, repository.organization) as organization_login,
        root.public as is_public,
        accepted.recorded_at as created_at
    from accepted
    cross join
        lateral {{ json_fields('accepted.record') }}
            as root (actor jsonb, repo jsonb, org jsonb, repository jsonb, public boolean)
    cross join lateral {{ json_fields('root.actor') }} as actor (id numeric, login text)
    cross join lateral {{ json_fields('root.repo') }} as repo (id numeric, name text)
    cross join lateral {{ json_fields('root.org') }} as org (id numeric, login text)
    cross join
        lateral {{ json_fields('root.repository') }}
            as repository (id numeric, owner text, name text, organization text)

),

-- The latest delivery of an event wins: of the latest partition, and in it of the last line.
ranked as (

    select
        typed.*,
        row_number() over (partition by event_id order by partition_start desc, line_number desc)
        = 1 as is_last
    from typed

),

decided as (

    select
        ranked.partition_start,
        ranked.line_number,
        ranked.event_id,
        ranked.event_type,
        ranked.schema_generation,
        ranked.actor_id,
        ranked.actor_login,
        ranked.repository_id,
        ranked.repository_name,
        ranked.organization_id,
        ranked.organization_login,
        {{ is_kept_delivery('ranked', partitions, 'event_id') }} as is_kept,
        ranked.is_public,
        ranked.created_at
    from ranked

)

select * from decided
