{# dbt's test of accepted values, with quotes in a value doubled: dbt's own puts it into the statement as it is. #}
{% macro default__test_accepted_values(model, column_name, values, quote=True) -%}
    {%- set accepted = [] -%}
    {%- for value in values -%}
        {%- do accepted.append(quoted_text(value | string) if quote else value | string) -%}
    {%- endfor -%}
    select
        {{ column_name }} as value_field,
        count(*) as n_records
    from {{ model }}
    where {{ column_name }} not in ({{ accepted | join(', ') }})
    group by {{ column_name }}
{%- endmacro %}
