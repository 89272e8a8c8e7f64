{#
    Record types of a generation that their source's contract does not name, where it names any: the body of a CTE.

    Args:
        sampled: name of a CTE with one row per load, record type and generation.
        declared: name of a CTE with the declared paths.
#}
{% macro undeclared_generations(sampled, declared) -%}
    select
        sampled.*,
        '' as path,
        'undeclared generation' as finding,
        'a generation that the contract names' as expected,
        sampled.schema_generation as found,
        sampled.sampled_count as records_count
    from {{ sampled }} as sampled
    where
        exists (
            select 1 from {{ declared }} as declared
            where declared.source_name = sampled.source_name and declared.schema_generations is not null
        )
        and not exists (
            select 1 from {{ declared }} as declared
            where
                declared.source_name = sampled.source_name
                and sampled.schema_generation = any(declared.schema_generations)
        )
{%- endmacro %}
