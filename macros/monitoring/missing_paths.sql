{#
    Required paths that sampled records lack although they have the object around it: the body of a CTE.

    Args:
        sampled: name of a CTE with one row per load, record type and generation.
        declared: name of a CTE with the declared paths.
        observed: name of a CTE with the observed paths.
#}
{% macro missing_paths(sampled, declared, observed) -%}
    with present as (

        select
            partition_start,
            load_id,
            record_type,
            schema_generation,
            path,
            sum(records_count) filter (where json_type = 'object') as objects_count,
            sum(records_count) filter (where json_type <> 'null') as values_count
        from {{ observed }}
        group by partition_start, load_id, record_type, schema_generation, path

    )

    select
        sampled.*,
        declared.path,
        'missing required path' as finding,
        declared.json_type as expected,
        'nothing' as found,
        coalesce(parents.objects_count, sampled.sampled_count) - coalesce(present.values_count, 0)
            as records_count
    from {{ sampled }} as sampled
    inner join {{ declared }} as declared
        on
            sampled.source_name = declared.source_name
            and {{ contract_path_applies('declared', 'sampled.record_type', 'sampled.schema_generation') }}
            and declared.is_required
            and {{ contract_path_bare('declared.path') }} not like '%[%'
    left join present
        on
            {{ of_the_sample('present', 'sampled') }}
            and declared.observed_path = present.path
    left join present as parents
        on
            {{ of_the_sample('parents', 'sampled') }}
            and declared.parent_path = parents.path
    -- What its parent object lacks as a whole is missed there.
    where declared.parent_path = '' or parents.objects_count > 0
{%- endmacro %}
