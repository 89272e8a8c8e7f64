{# Schemas are named in full in dbt_project.yml (typed, features, gate_failures): no prefix from the target. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
