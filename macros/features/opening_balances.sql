{# The row of each touched entity that stands just before the first as_of computed, for running sums to start from.
   Use, where rows stand at all: {% if is_incremental() %} union all {{ opening_balances(keys, columns) }} {% endif %} #}
{% macro opening_balances(keys, columns) -%}
    select
        standing.{{ (keys + ['as_of'] + columns) | join(', standing.') }}
    from touched
    cross join lateral (
        select existing.* from {{ this }} as existing
        where
            {% for key in keys %}existing.{{ key }} = touched.{{ key }} and {% endfor -%}
            existing.as_of < touched.from_as_of
        order by existing.as_of desc
        limit 1
    ) as standing
{%- endmacro %}
