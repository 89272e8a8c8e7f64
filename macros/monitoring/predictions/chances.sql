{#
    The chance that a chi-square of so many degrees of freedom is as large: exact sums, where PostgreSQL has no such function.

    Args:
        chi_square: SQL of the value.
        degrees: SQL of the degrees of freedom, an integer.
#}
{% macro chi_square_chance(chi_square, degrees) -%}
    case
        when {{ degrees }} < 1 or {{ chi_square }} <= 0 then 1
        when {{ chi_square }} > 1400 then 0
        else least(1, (
            select
                case
                    when {{ degrees }} % 2 = 0 then exp(-{{ chi_square }} / 2)
                    else {{ error_function_chance('sqrt(' ~ chi_square ~ ' / 2)') }}
                end
                + coalesce(sum(exp(greatest(terms.power, -700))), 0)
            from (
                select
                    (step - shift) * ln({{ chi_square }} / 2)
                    - {{ chi_square }} / 2
                    - sum(ln(step - shift)) over (order by step)
                    - shift * ln(pi()) as power
                from (select ({{ degrees }} % 2) / 2.0::double precision as shift) as parity
                cross join generate_series(1, ({{ degrees }} - 1) / 2) as steps (step)
            ) as terms
        ))
    end
{%- endmacro %}

{# The complementary error function of a value that is not negative, within 1.2e-7 of itself (Press et al., Numerical Recipes). #}
{% macro error_function_chance(value) -%}
    (
        select
            t * exp(greatest(-(z * z) - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
            + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))), -700))
        from (select {{ value }} as z) as given
        cross join lateral (select 1 / (1 + z / 2) as t) as turned
    )
{%- endmacro %}

{#
    How far a mean may lie from what was found, at 95 %, however often one looks while values come: an asymptotic confidence
    sequence (Waudby-Smith et al. 2024, Time-uniform central limit theory), tuned to 500 values. Null without any.

    Args:
        count, total, squares: SQL of how many values there are, of their sum, and of the sum of their squares.
#}
{% macro mean_margin(count, total, squares) -%}
    {#- rho squared = (-2 log a + log(-2 log a + 1)) / 500 with a = 0.05; some variance more keeps few equal values wide. -#}
    {%- set rho = 0.015872 -%}
    sqrt(
        (0.25 + greatest({{ squares }} - {{ total }} ^ 2 / nullif({{ count }}, 0), 0)) / ({{ count }} + 1)
        * 2 * ({{ count }} * {{ rho }} + 1) / (nullif({{ count }}, 0)::double precision ^ 2 * {{ rho }})
        * ln(sqrt({{ count }} * {{ rho }} + 1) / 0.05)
    )
{%- endmacro %}

{# The lower bound of a share at 97.5 % (Wilson). #}
{% macro share_low(part, total) -%}
    greatest(
        ({{ part }} + 1.92 - 1.96 * sqrt({{ part }} * ({{ total }} - {{ part }}) / {{ total }} + 0.96)) / ({{ total }} + 3.84), 0
    )
{%- endmacro %}
