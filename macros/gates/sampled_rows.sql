{# Rows of a feature view drawn at random from those that are not certified: the body of a CTE. What is counted from
   them looks costly to the planner, for it may lie in any landed partition; compiling it would take seconds. #}
{% macro sampled_rows(view, size=10) -%}
    {%- if execute -%}
        {%- do run_query('set jit = off') -%}
    {%- endif -%}
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
