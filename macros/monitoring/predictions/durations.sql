{# The bin of a duration in seconds: eight to a doubling, so that the values of one lie within 9 % of each other. #}
{% macro duration_bin(seconds) -%}
    case
        when {{ seconds }} > 0 then floor(8 * ln({{ seconds }}::double precision) / ln(2::double precision))::integer
        when {{ seconds }} <= 0 then -10000
    end
{%- endmacro %}

{# The beginning of the hour or day of UTC in which an answer was given: cheaper than what looks its zone up for each row. #}
{% macro bin_of_time(width) -%}
    date_bin('{{ width }}', recorded_at, timestamptz '2000-01-01 00:00Z')
{%- endmacro %}

{#
    Quantiles by day, model and version, from counts by bin: the body of a CTE with columns p50 and the like, and p95_low, the
    lower bound of p95 at 97.5 %. Each is the largest value of the bin that it lies in.

    Args:
        relation: with day, model, version, answers_count and the columns below.
        bin: column with the bin.
        largest: column with the largest value of the row's answers.
        percents: whole numbers, for instance [50, 95].
#}
{% macro binned_quantiles(relation, bin, largest, percents) -%}
    select
        day,
        model,
        version
        {%- for percent in percents %},
        min(largest) filter (where reached >= total * {{ percent / 100 }}) as p{{ percent }}
        {%- endfor %},
        min(largest) filter (where reached >= total * 0.95 - 1.96 * sqrt(total * 0.0475)) as p95_low
    from (
        select
            day,
            model,
            version,
            max({{ largest }}) as largest,
            sum(sum(answers_count)) over (partition by day, model, version order by {{ bin }}) as reached,
            sum(sum(answers_count)) over (partition by day, model, version) as total
        from {{ relation }}
        where {{ bin }} is not null
        group by day, model, version, {{ bin }}
    ) as cumulated
    group by day, model, version
{%- endmacro %}
