{#
    The records that break their source's contract, each with every reason: the body of a model
    `stg_<source>__quarantine`. The contract becomes one jsonpath per record type and schema generation, evaluated once
    per record; reasons are worked out for the broken ones only.

    Args:
        source_name, table_name: the landing table that carries the contract.
        partitions: what stale_partitions() returned.
        schema_generations: names of the generations that the contract tells apart; none when it has one only.
        schema_generation: macro that names the generation of a landed record, as orders_schema_generation does.
        time_path: path of the record's time, for the reason that names it.
#}
{% macro quarantined_records(
    source_name, table_name, partitions, schema_generations=['only'], schema_generation=none, time_path='created_at'
) -%}
{%- set applies_to_type = contract_path_applies(
    'contract_paths', 'record_types.record_type', 'schema_generations.schema_generation'
) -%}
{%- set discarded = discarded_record('checked') %}
{{- require_current_contract(source_name, partitions) }}
with landed as (

    {{ landed_records(source_name, table_name, partitions) }}

),

loads as (

    select * from {{ source('headgate', 'loads') }}
    where contract_source = '{{ source_name }}'

),

contract_paths as (

    select * from {{ ref('contract_paths') }}
    where source_name = '{{ source_name }}'

),

schema_generations as (

    select unnest({{ text_array(schema_generations) }}) as schema_generation

),

-- '*' stands for every record type that no path names.
record_types as (

    select distinct unnest(record_types || record_types_excepted) as record_type from contract_paths
    union all
    select '*'

),

parent_checks as (

    select
        schema_generations.schema_generation,
        record_types.record_type,
        contract_paths.parent_json_path,
        '!exists(' || contract_paths.parent_json_path || ' ? ('
        || min(contract_paths.parent_guard)
        || ' && (('
        || string_agg(contract_paths.violation, ') || (')
        || '))))'
            as is_kept
    from schema_generations
    cross join record_types
    inner join contract_paths
        on {{ applies_to_type }}
    group by schema_generations.schema_generation, record_types.record_type, contract_paths.parent_json_path

),

checks as (

    select
        schema_generation,
        record_type,
        string_agg(is_kept, ' && ' order by parent_json_path)::jsonpath as is_kept
    from parent_checks
    group by schema_generation, record_type

),

dated as (

    select
        loads.partition_start,
        loads.partition_end,
        landed.load_id,
        landed.line_number,
        landed.record_id,
        landed.record_type,
        landed.recorded_at,
        landed.record,
        {{ schema_generation('landed') if schema_generation else "'only'" }} as schema_generation
    from landed
    inner join loads on landed.load_id = loads.load_id

),

-- Null where the contract takes records of any time.
tolerance as (

    select make_interval(hours => max(time_tolerance_hours)) as tolerance from contract_paths

),

checked as (

    select
        dated.*,
        (dated.record @@ coalesce(own_checks.is_kept, other_checks.is_kept)) is not true as is_broken,
        tolerance.tolerance is not null
        and coalesce(
            dated.recorded_at < dated.partition_start - tolerance.tolerance
            or dated.recorded_at >= dated.partition_end + tolerance.tolerance,
            true
        ) as is_out_of_time
    from dated
    cross join tolerance
    left join checks as own_checks
        on
            dated.schema_generation = own_checks.schema_generation
            and dated.record_type = own_checks.record_type
    left join checks as other_checks
        on
            dated.schema_generation = other_checks.schema_generation
            and other_checks.record_type = '*'

),

broken as (

    select * from checked
    where is_broken or is_out_of_time{{ ' or ' ~ discarded if discarded }}

),

explained as (

    select
        broken.partition_start,
        broken.line_number,
        broken.record_id,
        broken.record_type,
        broken.schema_generation,
        array_remove(
            array_agg(
                contract_paths.path || ': expected ' || contract_paths.json_type || ', found ' || found.words
                order by contract_paths.path
            )
            || case when broken.is_out_of_time then '{{ time_path }}: outside the partition that delivered it' end
            {%- if discarded %}
            || case when not broken.is_broken and not broken.is_out_of_time then 'discarded, see headgate loads show' end
            {%- endif %},
            null
        ) as reasons,
        broken.recorded_at,
        broken.record
    from broken
    left join contract_paths
        on
            {{ contract_path_applies('contract_paths', 'broken.record_type', 'broken.schema_generation') }}
            and broken.record @? (
                contract_paths.parent_json_path || ' ? (' || contract_paths.parent_guard || ' && ('
                || contract_paths.violation || '))'
            )::jsonpath
    left join lateral ({{ contract_breach('broken.record', 'contract_paths') }}) as found on true
    group by
        broken.partition_start,
        broken.line_number,
        broken.record_id,
        broken.record_type,
        broken.schema_generation,
        broken.is_out_of_time, broken.recorded_at, broken.record
        {%- if discarded %}, broken.is_broken{% endif %}

)

select * from explained
{%- endmacro %}

{# Whether somebody discarded a record, of a relation with load_id and line_number: it stays out of the typed layer though a
   later contract would take it. None while nobody has discarded any, so that the model's SQL says nothing of it. #}
{% macro discarded_record(relation) -%}
    {% set any_of_them = "select exists (select from ops.record_decisions where decision = 'discarded') as found" %}
    {% if execute and not canonical_mode() and run_query(any_of_them).rows[0]['found'] %}
        {{ return(
            "exists (select 1 from ops.record_decisions as decided where decided.decision = 'discarded'"
            ~ ' and decided.load_id = ' ~ relation ~ '.load_id and decided.line_number = ' ~ relation ~ '.line_number)'
        ) }}
    {% endif %}
    {{ return(none) }}
{%- endmacro %}
