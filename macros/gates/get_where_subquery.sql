{# dbt's hook for `where` of generic tests. The word uncertified in it, which dbt_project.yml sets for all models, becomes
   the filter of the same name; see uncertified(). Rows of loads that the gate is waived for are left out. All else works
   as it does in dbt. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or '' -%}
    {%- set loads = waived_loads(model) if execute and not is_dry_run() else [] -%}
    {%- if 'uncertified' in where or loads -%}
        {%- set columns = placing_columns(relation) -%}
        {%- set places = ['partition_start', 'as_of'] | select('in', columns) | list -%}
        {%- set filter = uncertified(relation.identifier, places[0])
            if 'uncertified' in where and places and not is_dry_run() else 'true' -%}
        {%- set where = where | replace('uncertified', '(' ~ filter ~ ')') -%}
        {%- if loads -%}
            {%- set unwaived = is_not_waived(relation.identifier, columns, loads) -%}
            {%- set where = '(' ~ where ~ ') and ' ~ unwaived if where else unwaived -%}
        {%- endif -%}
    {%- endif -%}
    {%- if where -%}
    (select * from {{ relation }} where {{ where }}) as dbt_subquery
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# Which of the columns that place a row a relation has: asked once in a run, for a gate comes after what it looks at. #}
{% macro placing_columns(relation) -%}
    {%- set statement -%}
        select attname as name from pg_attribute
        where
            attrelid = to_regclass('{{ relation }}')
            and attname in ('load_id', 'partition_start', 'as_of', 'source_name')
            and not attisdropped
    {%- endset -%}
    {{ return(once('columns of ' ~ relation, statement) | map(attribute='name') | list) }}
{%- endmacro %}
