{# The rows that a unit test gives for a relation. As dbt's own, which asks the relation for its columns; in a dry run they
   are those of the table that stands in for it, because the relation may not exist. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- if is_dry_run() and not column_name_to_data_types -%}
        {{ return(fixture_rows(rows, adapter.get_columns_in_relation(dry_run_relation(this.schema, this.identifier)))) }}
    {%- endif -%}
    {{ return(dbt.get_fixture_sql(rows, column_name_to_data_types)) }}
{%- endmacro %}

{# Rows of a unit test as a query; columns that a row does not give are null. #}
{% macro fixture_rows(rows, columns) -%}
    {%- set types = {} -%}
    {%- for column in columns -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- endfor -%}
    {%- for row in rows or [{}] %}
    {%- set values = format_row(row, types) %}
    select
        {%- for column in columns %}
        {{ values.get(column.name | lower) or safe_cast('null', column.data_type) }} as {{ column.quoted }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'limit 0' if not rows }}
{%- endmacro %}
