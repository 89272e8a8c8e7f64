{%- set measures = activity_sums([
    'events_count', 'pushes_count', 'stars_count', 'forks_count', 'issues_opened_count',
    'issues_closed_count', 'issue_comments_count', 'pull_requests_opened_count',
    'pull_requests_merged_count', 'pull_requests_rejected_count', 'bot_events_count',
]) %}
{%- do measures.update({
    'contributors': {'of': 'actor_id', 'where': 'events_count > 0', 'operations': ['count_distinct'], 'as': 'contributors_count'},
    'hours_to_merge': {'events': 'pull_requests', 'of': 'hours_to_merge', 'where': "outcome = 'merged'", 'operations': ['median'], 'windows': ['7d']},
    'last_push_at': {'of': 'last_push_at', 'operations': ['max'], 'windows': ['lifetime'], 'as': 'last_push_at'},
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
}) %}
{%- set declared = {
    'events': {
        'activity': 'int_activity__summed_by_hour',
        'pull_requests': 'int_pull_requests__attributed_to_authors',
    },
    'keys': ['repository_id'],
    'at': {'activity': 'hour', 'pull_requests': 'created_at'},
    'windows': ['1h', '24h', '7d'],
    'measures': measures,
    'expressions': {
        'merge_rate_7d': merged_share('7d'),
    },
} %}
{{ config(
    unique_key=['repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
