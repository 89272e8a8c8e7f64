{#
    Declared paths whose values have another JSON type in sampled records: the body of a CTE.

    Args:
        sampled: name of a CTE with one row per load, record type and generation.
        declared: name of a CTE with the declared paths.
        observed: name of a CTE with the observed paths.
#}
{% macro changed_types(sampled, declared, observed) -%}
    select
        sampled.*,
        declared.path,
        'changed type' as finding,
        declared.json_type as expected,
        string_agg(distinct observed.json_type, ', ') as found,
        sum(observed.records_count) as records_count
    from {{ sampled }} as sampled
    inner join {{ declared }} as declared
        on
            sampled.source_name = declared.source_name
            and {{ contract_path_applies('declared', 'sampled.record_type', 'sampled.schema_generation') }}
            and declared.json_type <> 'any'
            and {{ contract_path_bare('declared.path') }} !~ '\[\d'
    inner join {{ observed }} as observed
        on
            {{ of_the_sample('observed', 'sampled') }}
            and declared.observed_path = observed.path
            and observed.json_type <> 'null'
            and observed.json_type <> all(declared.observed_types)
    group by
        sampled.source_name,
        sampled.partition_start,
        sampled.load_id,
        sampled.record_type,
        sampled.schema_generation,
        sampled.sampled_count,
        declared.path,
        declared.json_type
{%- endmacro %}
