{{ config(materialized='view') }}

with observed as (

    select
        observed.*,
        'gharchive' as source_name,
        regexp_replace(observed.path, '(\.|^)[^.]*$|\[\]$', '') as parent_path
    from {{ ref('gharchive_observed_paths') }} as observed

),

declared as (

    select
        declared.*,
        -- Positions of an array are not told apart in what is observed.
        regexp_replace(declared.path, '\[\d+\]', '[]', 'g') as observed_path,
        regexp_replace(
            regexp_replace(declared.path, '\[\d+\]', '[]', 'g'), '(\.|^)[^.]*$|\[\]$', ''
        ) as parent_path,
        case declared.json_type
            when 'integer' then 'number'
            when 'timestamp' then 'string'
            else declared.json_type
        end as observed_type
    from {{ ref('contract_paths') }} as declared

),

thresholds as (

    select * from {{ ref('gate_thresholds') }}
    where gate = 'contract_drift'

),

-- Record types as they were sampled.
sampled as (

    select distinct
        source_name,
        partition_start,
        load_id,
        record_type,
        schema_generation,
        sampled_count
    from observed

),

present as (

    select
        load_id,
        record_type,
        schema_generation,
        path,
        sum(records_count) filter (where json_type = 'object') as objects_count,
        sum(records_count) filter (where json_type <> 'null') as values_count
    from observed
    group by load_id, record_type, schema_generation, path

),

undeclared_generations as (

    select
        sampled.*,
        '' as path,
        'undeclared generation' as finding,
        'a generation that the contract names' as expected,
        sampled.schema_generation as found,
        sampled.sampled_count as records_count
    from sampled
    where
        exists (
            select 1 from declared
            where declared.source_name = sampled.source_name and declared.schema_generations is not null
        )
        and not exists (
            select 1 from declared
            where
                declared.source_name = sampled.source_name
                and sampled.schema_generation = any(declared.schema_generations)
        )

),

missing_paths as (

    select
        sampled.*,
        declared.path,
        'missing required path' as finding,
        declared.json_type as expected,
        'nothing' as found,
        coalesce(parents.objects_count, sampled.sampled_count) - coalesce(present.values_count, 0)
            as records_count
    from sampled
    inner join declared
        on
            sampled.source_name = declared.source_name
            and {{ contract_path_applies('declared', 'sampled.record_type', 'sampled.schema_generation') }}
            and declared.is_required
            and declared.path not like '%[%'
    left join present
        on
            sampled.load_id = present.load_id
            and sampled.record_type = present.record_type
            and sampled.schema_generation = present.schema_generation
            and declared.observed_path = present.path
    left join present as parents
        on
            sampled.load_id = parents.load_id
            and sampled.record_type = parents.record_type
            and sampled.schema_generation = parents.schema_generation
            and declared.parent_path = parents.path
    -- What its parent object lacks as a whole is missed there.
    where declared.parent_path = '' or parents.objects_count > 0

),

changed_types as (

    select
        sampled.*,
        declared.path,
        'changed type' as finding,
        declared.json_type as expected,
        string_agg(distinct observed.json_type, ', ') as found,
        sum(observed.records_count) as records_count
    from sampled
    inner join declared
        on
            sampled.source_name = declared.source_name
            and {{ contract_path_applies('declared', 'sampled.record_type', 'sampled.schema_generation') }}
            and declared.json_type <> 'any'
            and declared.path !~ '\[\d'
    inner join observed
        on
            sampled.load_id = observed.load_id
            and sampled.record_type = observed.record_type
            and sampled.schema_generation = observed.schema_generation
            and declared.observed_path = observed.path
            and observed.json_type not in ('null', declared.observed_type)
    group by
        sampled.source_name,
        sampled.partition_start,
        sampled.load_id,
        sampled.record_type,
        sampled.schema_generation,
        sampled.sampled_count,
        declared.path,
        declared.json_type

),

-- Paths of a record type that no load before had, at the outermost step that is new.
new_paths as (

    select
        sampled.*,
        observed.path,
        'new path' as finding,
        'nothing' as expected,
        observed.json_type as found,
        observed.records_count
    from sampled
    inner join observed
        on
            sampled.load_id = observed.load_id
            and sampled.record_type = observed.record_type
            and sampled.schema_generation = observed.schema_generation
            and observed.json_type <> 'null'
    where
        exists (
            select 1 from observed as earlier
            where
                earlier.record_type = observed.record_type
                and earlier.load_id < observed.load_id
                and (earlier.path = observed.parent_path or observed.parent_path = '')
        )
        and not exists (
            select 1 from observed as earlier
            where
                earlier.record_type = observed.record_type
                and earlier.load_id < observed.load_id
                and earlier.path = observed.path
        )
        and not exists (
            select 1 from declared
            where
                declared.source_name = sampled.source_name
                and (
                    declared.observed_path = observed.path
                    or starts_with(declared.observed_path, observed.path || '.')
                    or starts_with(declared.observed_path, observed.path || '[')
                )
        )

),

found as (

    select * from undeclared_generations
    union all
    select * from missing_paths
    union all
    select * from changed_types
    union all
    select * from new_paths

)

select
    found.source_name,
    found.partition_start,
    found.load_id,
    found.record_type,
    found.schema_generation,
    found.finding,
    found.path,
    found.expected,
    found.found,
    found.records_count::bigint as records_count,
    found.sampled_count,
    case found.finding
        when 'undeclared generation'
            then
                'records of ' || found.record_type || ' are of generation ' || found.schema_generation
                || ', which the contract does not name: nothing would be checked, and columns would be null'
        when 'new path'
            then found.path || ' of ' || found.record_type || ' (' || found.found || ') was not there before'
        else
            found.path || ' of ' || found.record_type || ': expected ' || found.expected || ', found '
            || found.found
    end
    || ', in ' || found.records_count || ' of ' || found.sampled_count || ' sampled records. Next: '
    || case
        when found.finding = 'new path'
            then
                'declare it in the contract of ' || found.source_name
                || ' if it is wanted, and raise the version'
        else
            'declare the new shape in the contract of ' || found.source_name || ' (models/staging/'
            || found.source_name || '), raise its version, run `headgate plan` and `headgate apply`'
    end as explanation
from found
cross join thresholds
where
    found.records_count > thresholds.maximum * found.sampled_count
    and found.records_count >= thresholds.minimum
