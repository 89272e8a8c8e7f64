{# The landing tables whose records are held to a source's contract and typed by its models, its own first, as
   [source, table] pairs: the others are those that `contract_of` in dbt_project.yml says. #}
{% macro landing_tables(source_name, table_name) -%}
    {% set found = [[source_name, table_name]] %}
    {% for landed, contract in var('contract_of', {}).items() if contract == source_name ~ '.' ~ table_name %}
        {% do found.append(landed.split('.')) %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}
