{# Fails for each row whose value does not match the POSIX regular expression; null passes. #}
{% test expect_column_values_to_match_regex(model, column_name, regex) %}

    select *
    from {{ model }}
    where {{ column_name }} !~ '{{ regex }}'

{% endtest %}
