{#
    Fails for each row of which any of the expressions is not true; null counts as not true. A column `broken` of the failed
    rows names those. One gate for all of a model's invariants: the rows are read once, and dbt runs one node.

    Args:
        expressions: SQL by name, for instance {discount_is_a_share: discount between 0 and 1}.
#}
{% test rows_are_consistent(model, expressions) %}

    select
        *,
        array_remove(array[
            {%- for name, expression in expressions.items() %}
            case when ({{ expression }}) is not true then '{{ name }}' end{{ ',' if not loop.last }}
            {%- endfor %}
        ], null) as broken
    from {{ model }}
    where
        {%- for expression in expressions.values() %}
        {{ 'or ' if not loop.first }}({{ expression }}) is not true
        {%- endfor %}

{% endtest %}
