{# dbt's hook for `where` of generic tests. The word uncertified, which dbt_project.yml sets for all models, becomes the
   filter of the same name; see uncertified(). Anything else works as it does in dbt. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where == 'uncertified' -%}
        {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
        {%- if 'as_of' in columns -%}
            {%- set where = uncertified(relation.identifier, 'as_of') -%}
        {%- elif 'partition_start' in columns -%}
            {%- set where = uncertified(relation.identifier, 'partition_start') -%}
        {%- else -%}
            {%- set where = '' -%}
        {%- endif -%}
    {%- endif -%}
    {%- if where -%}
    (select * from {{ relation }} where {{ where }}) as dbt_subquery
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}
