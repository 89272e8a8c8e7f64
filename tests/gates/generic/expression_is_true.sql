{# Fails for each row of which the expression is not true; null counts as not true. #}
{% test expression_is_true(model, expression, column_name=none) %}

    select *
    from {{ model }}
    where ({{ column_name ~ ' ' if column_name else '' }}{{ expression }}) is not true

{% endtest %}
