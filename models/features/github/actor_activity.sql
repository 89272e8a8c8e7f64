{%- set measures = activity_sums(
    ['events_count', 'pushes_count', 'issue_comments_count'],
    authored=['pull_requests_opened_count', 'pull_requests_merged_count', 'pull_requests_rejected_count'],
) %}
{%- do measures.update({
    'repositories': {'of': 'repository_id', 'where': 'events_count > 0', 'operations': ['count_distinct'], 'as': 'repositories_count'},
    'is_bot': {'of': 'is_bot', 'operations': ['any'], 'windows': ['lifetime'], 'as': 'is_bot'},
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
    'last_seen_at': {'of': 'last_event_at', 'operations': ['max'], 'windows': ['lifetime'], 'as': 'last_seen_at'},
}) %}
{%- set declared = {
    'events': {
        'activity': 'int_activity__summed_by_hour',
    },
    'keys': ['actor_id'],
    'at': 'hour',
    'windows': ['1h', '24h', '7d'],
    'measures': measures,
    'expressions': {
        'merge_rate_7d': merged_share('7d'),
    },
} %}
{{ config(
    unique_key=['actor_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
