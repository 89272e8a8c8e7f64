{#
    Measures of a feature view over int_activity__summed_by_hour: counts of an hour, summed up within a window.

    Args:
        counts: columns that hold them, for instance ['events_count'].
        authored: counts of pull requests that count for their author, whoever acted, without `authored_` before them.

    Returns measures by name, for the declaration.
#}
{% macro activity_sums(counts, authored=[]) -%}
    {%- set measures = {} -%}
    {%- for count in counts + authored -%}
        {%- set column = 'authored_' ~ count if count in authored else count -%}
        {%- do measures.update({count: {'of': column, 'operations': ['sum'], 'as': count, 'type': 'bigint'}}) -%}
    {%- endfor -%}
    {{- return(measures) -}}
{%- endmacro %}

{# The share of decided pull requests that were merged, null when none was: an expression over the columns of a window. #}
{% macro merged_share(window) -%}
    {{- return(
        'pull_requests_merged_count_' ~ window ~ '::double precision / nullif('
        ~ 'pull_requests_merged_count_' ~ window ~ ' + pull_requests_rejected_count_' ~ window ~ ', 0)'
    ) -}}
{%- endmacro %}
