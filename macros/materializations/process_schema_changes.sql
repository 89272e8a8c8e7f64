{# As dbt's own, without asking for the columns of both tables through the adapter, which takes dbt longer than all else about an
   incremental model, where one statement tells that what was computed has those that stand. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {%- set standing = 'from pg_attribute where attrelid = to_regclass(' ~ quoted_text(target_relation | string)
        ~ ') and attnum > 0 and not attisdropped' -%}
    {%- set statement -%}
        select
            attname as name,
            (attname, atttypid, atttypmod) in (select attname, atttypid, atttypmod {{ standing }}) as stands,
            (select count(*) {{ standing }}) as standing
        from pg_attribute
        where attrelid = to_regclass({{ quoted_text(source_relation | string) }}) and attnum > 0 and not attisdropped
        order by attnum
    {%- endset -%}
    {%- set found = run_query(statement).rows -%}
    {%- if not found or found | rejectattr('stands') | list or found | length != found[0].standing -%}
        {%- do adapter.expand_target_column_types(from_relation=source_relation, to_relation=target_relation) -%}
        {{ return(dbt.process_schema_changes(on_schema_change, source_relation, target_relation)) }}
    {%- endif -%}
    {%- set columns = [] -%}
    {%- for row in found -%}
        {#- Of which nothing but the name is asked. -#}
        {%- do columns.append(api.Column(row.name, 'text')) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
