{# Fails with one row when the share of rows that have a value is below at_least; no rows pass. #}
{% test not_null_proportion(model, column_name, at_least=1.0) %}

    with counted as (

        select
            count({{ column_name }}) as values_count,
            count(*) as rows_count
        from {{ model }}

    )

    select
        *,
        values_count::double precision / rows_count as not_null_proportion
    from counted
    where rows_count > 0 and values_count < {{ at_least }} * rows_count

{% endtest %}
