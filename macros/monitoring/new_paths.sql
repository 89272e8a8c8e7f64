{#
    Undeclared paths of a record type that no load of its source had before, at the outermost step that is new: the body
    of a CTE. A type's first load has none.

    Args:
        sampled: name of a CTE with one row per load, record type and generation.
        declared: name of a CTE with the declared paths.
        observed: name of a CTE with the observed paths.
        history: relation with the observed paths of all loads.
#}
{% macro new_paths(sampled, declared, observed, history) -%}
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
            {{ of_the_sample('observed', 'sampled') }}
            and observed.json_type <> 'null'
    where
        -- One by one, not by joins: the history is long, and the paths of a load are few.
        case
            when observed.parent_path = '' then {{ seen_before(history, 'observed') }}
            else {{ seen_before(history, 'observed', 'observed.parent_path') }}
        end
        and not {{ seen_before(history, 'observed', 'observed.path') }}
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
