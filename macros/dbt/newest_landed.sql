{#
    How far the landed data of a source's table reaches, for `dbt source freshness`: by the same rule as `headgate check`,
    from the ledger of loads and not from the records, which may be many.
    Use, in a source's YAML: loaded_at_query: "{{ newest_landed() }}"
#}
{% macro newest_landed() -%}
    select max(case status when 'open' then started_at else partition_end end)
    from ops.loads
    where
        source = '{{ model.source_name }}'
        and entity = '{{ model.name }}'
        -- How far an open load reaches is known when it is closed.
        and (status = 'landed' or (status = 'open' and lines_read > 0))
{%- endmacro %}
