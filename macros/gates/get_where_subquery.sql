{# dbt's hook for `where` of generic tests. The word uncertified in it, which dbt_project.yml sets for all models, becomes
   the filter of the same name; see uncertified(). Rows of loads that the gate is waived for are left out. All else works
   as it does in dbt. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or '' -%}
    {%- set loads = waived_loads(model) if execute and not is_dry_run() else [] -%}
    {%- if 'uncertified' in where or loads -%}
        {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
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
