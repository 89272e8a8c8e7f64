{#
    The conditions under which a raw event is a pull request opened, merged or rejected, for recounted().

    Args:
        counts: condition on `raw` that all of them have, for instance 'raw.is_authored'.

    Returns a dict of a count's name and its condition.
#}
{% macro pull_request_counts(counts) -%}
    {{ return({
        'pull_requests_opened_count': counts ~ " and raw.action = 'opened'",
        'pull_requests_merged_count':
            counts ~ " and (raw.action = 'merged' or (raw.action = 'closed' and raw.is_merged))",
        'pull_requests_rejected_count': counts ~ " and raw.action = 'closed' and raw.is_merged is not true and raw.tells_merges",
    }) }}
{%- endmacro %}
