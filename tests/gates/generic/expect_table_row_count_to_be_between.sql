{# Fails with one row when the number of rows is outside the bounds. #}
{% test expect_table_row_count_to_be_between(model, min_value=0, max_value=none) %}

    with counted as (

        select count(*) as rows_count from {{ model }}

    )

    select *
    from counted
    where
        rows_count < {{ min_value }}
        {%- if max_value is not none %}
        or rows_count > {{ max_value }}
        {%- endif %}

{% endtest %}
