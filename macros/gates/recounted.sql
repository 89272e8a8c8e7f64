{#
    What a recount says of each sampled row: the body of a CTE, one row per sample_id, one column per count and window.
    Asks for CTEs `sampled`, see sampled_rows(), and `raw`, the raw events of each sample_id.

    Args:
        windows: dict of a window's name and its hours, for instance {'24h': 24}.
        conditions: dict of a count's name and the condition on `raw` under which an event counts.
        distinct_values: dict of a count's name and (column of `raw`, condition): distinct values are counted.
#}
{% macro recounted(windows, conditions, distinct_values={}) -%}
    select
        {%- for window, hours in windows.items() %}
        {%- for column, (counted, condition) in distinct_values.items() %}
        {{ raw_count(hours, condition, 'distinct ' ~ counted) }} as {{ column }}_{{ window }},
        {%- endfor %}
        {%- for column, condition in conditions.items() %}
        {{ raw_count(hours, condition, 'raw.sample_id') }} as {{ column }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        sampled.sample_id
    from sampled
    left join raw on sampled.sample_id = raw.sample_id
    group by sampled.sample_id
{%- endmacro %}
