{%- set measures = activity_sums(
    ['events_count'],
    authored=['pull_requests_opened_count', 'pull_requests_merged_count', 'pull_requests_rejected_count'],
) %}
{%- do measures.update({
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
}) %}
{%- set declared = {
    'events': {
        'activity': 'int_activity__summed_by_hour',
    },
    'keys': ['actor_id', 'repository_id'],
    'at': 'hour',
    'windows': ['24h', '7d', '30d'],
    'measures': measures,
    'expressions': {
        'merge_rate_30d': merged_share('30d'),
    },
} %}
{{ config(
    unique_key=['actor_id', 'repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
