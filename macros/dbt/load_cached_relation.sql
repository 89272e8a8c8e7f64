{# As dbt's own. In a dry run the database is asked instead of dbt's cache, which believes that what was undone was done. #}
{% macro load_cached_relation(relation) -%}
    {%- if not (execute and is_dry_run()) -%}
        {{ return(dbt.load_cached_relation(relation)) }}
    {%- endif -%}
    {%- for found in run_query(
        "select case relkind when 'v' then 'view' when 'm' then 'materialized_view' else 'table' end as type"
        ~ " from pg_class where oid = to_regclass('" ~ relation.include(database=false) ~ "')"
    ).rows -%}
        {{ return(relation.incorporate(type=found.type)) }}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}
