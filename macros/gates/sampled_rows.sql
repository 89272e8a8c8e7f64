{# Rows of a feature view drawn at random from those that are not certified: the body of a CTE. #}
{% macro sampled_rows(view, size=10) -%}
    select
        row_number() over () as sample_id,
        drawn.*
    from (
        select * from {{ ref(view) }}
        where {{ uncertified(view, 'as_of') }}
        order by random()
        limit {{ size }}
    ) as drawn
{%- endmacro %}
