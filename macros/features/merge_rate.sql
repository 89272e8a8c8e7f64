{# The share of decided pull requests that were merged, null when none was decided.
   Use: {{ merge_rate('7d') }} as merge_rate_7d #}
{% macro merge_rate(window) -%}
    pull_requests_merged_count_{{ window }}::double precision
    / nullif(pull_requests_merged_count_{{ window }} + pull_requests_rejected_count_{{ window }}, 0)
{%- endmacro %}
