{# dbt's hook for what a test counts. Failing rows of a load that the gate is waived for are kept, and do not count. Nothing is
   compiled: what is looked at is estimated by a whole history, and is little. #}
{% macro postgres__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {%- set loads = waived_loads(model) -%}
    {%- if loads -%}
        {%- set filter = is_not_waived('found', get_columns_in_query(main_sql), loads) -%}
        {%- set main_sql = 'select * from (' ~ main_sql ~ ') as found where ' ~ filter -%}
    {%- endif -%}
    set local jit = off;
    {{ dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}
