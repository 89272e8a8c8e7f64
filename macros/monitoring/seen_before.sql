{#
    Whether an earlier load of a source had a path of a record type, or the type at all.

    Args:
        history: relation with the observed paths of all loads.
        row: alias of the observed path whose source, type and load are meant.
        path: SQL of the path; none for any.
#}
{% macro seen_before(history, row, path=none) -%}
    exists (
            select 1 from {{ history }} as earlier
            where
                earlier.source_name = {{ row }}.source_name
                and earlier.record_type = {{ row }}.record_type
                and earlier.load_id < {{ row }}.load_id
                {%- if path %}
                and earlier.path = {{ path }}
                {%- endif %}
        )
{%- endmacro %}
