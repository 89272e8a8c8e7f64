{%- set measures = {
    'contributors': {'of': 'actor_id', 'where': 'events_count > 0', 'operations': ['count_distinct'], 'as': 'contributors_count'},
    'hours_to_merge': {'events': 'pull_requests', 'of': 'hours_to_merge', 'where': "outcome = 'merged'", 'operations': ['median'], 'windows': ['7d']},
    'last_push_at': {'of': 'last_push_at', 'operations': ['max'], 'windows': ['lifetime'], 'as': 'last_push_at'},
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
} %}
{%- set counts = [
    'events_count', 'pushes_count', 'stars_count', 'forks_count', 'issues_opened_count',
    'issues_closed_count', 'issue_comments_count', 'pull_requests_opened_count',
    'pull_requests_merged_count', 'pull_requests_rejected_count', 'bot_events_count',
] %}
{%- for count in counts %}
{%- do measures.update({count: {'of': count, 'operations': ['sum'], 'as': count, 'type': 'bigint'}}) %}
{%- endfor %}
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
        'merge_rate_7d': 'pull_requests_merged_count_7d::double precision '
        ~ '/ nullif(pull_requests_merged_count_7d + pull_requests_rejected_count_7d, 0)',
    },
} %}
{{ config(
    unique_key=['repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
