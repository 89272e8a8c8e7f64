{#
    Undeclared paths of a record type that no load of its source had before, at the outermost step that is new: the body
    of a CTE. A type's first load has none.

    Args:
        sampled: name of a CTE with one row per load, record type and generation.
        declared: name of a CTE with the declared paths.
        observed: name of a CTE with the observed paths.
#}
{% macro new_paths(sampled, declared, observed) -%}
    select
        sampled.*,
        observed.path,
        'new path' as finding,
        'nothing' as expected,
        observed.json_type as found,
        observed.records_count
    from {{ sampled }} as sampled
    inner join {{ observed }} as observed
        on
            sampled.load_id = observed.load_id
            and sampled.record_type = observed.record_type
            and sampled.schema_generation = observed.schema_generation
            and observed.json_type <> 'null'
    where
        exists (
            select 1 from {{ observed }} as earlier
            where
                earlier.source_name = observed.source_name
                and earlier.record_type = observed.record_type
                and earlier.load_id < observed.load_id
                and (earlier.path = observed.parent_path or observed.parent_path = '')
        )
        and not exists (
            select 1 from {{ observed }} as earlier
            where
                earlier.source_name = observed.source_name
                and earlier.record_type = observed.record_type
                and earlier.load_id < observed.load_id
                and earlier.path = observed.path
        )
        and not exists (
            select 1 from {{ declared }} as declared
            where
                declared.source_name = sampled.source_name
                and (
                    declared.observed_path = observed.path
                    or starts_with(declared.observed_path, observed.path || '.')
                    or starts_with(declared.observed_path, observed.path || '[')
                )
        )
{%- endmacro %}
