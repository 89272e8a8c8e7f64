{# As dbt's own; a dry run leaves the rows alone that failed a gate when it ran last. #}
{% macro should_store_failures() -%}
    {{ return(dbt.should_store_failures() and not is_dry_run()) }}
{%- endmacro %}
