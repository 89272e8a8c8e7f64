{%- set measures = {
    'repositories': {'of': 'repository_id', 'where': 'events_count > 0', 'operations': ['count_distinct'], 'as': 'repositories_count'},
    'is_bot': {'of': 'is_bot', 'operations': ['any'], 'windows': ['lifetime'], 'as': 'is_bot'},
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
    'last_seen_at': {'of': 'last_event_at', 'operations': ['max'], 'windows': ['lifetime'], 'as': 'last_seen_at'},
} %}
{%- set counts = [
    'events_count', 'pushes_count', 'issue_comments_count',
] %}
{%- for count in counts %}
{%- do measures.update({count: {'of': count, 'operations': ['sum'], 'as': count, 'type': 'bigint'}}) %}
{%- endfor %}
{#- Outcomes of pull requests count for their authors, whoever acted. #}
{%- for outcome in ['opened', 'merged', 'rejected'] %}
{%- set count = 'pull_requests_' ~ outcome ~ '_count' %}
{%- set authored = {'of': 'authored_' ~ count, 'operations': ['sum'], 'as': count, 'type': 'bigint'} %}
{%- do measures.update({count: authored}) %}
{%- endfor %}
{%- set declared = {
    'events': {
        'activity': 'int_activity__summed_by_hour',
    },
    'keys': ['actor_id'],
    'at': 'hour',
    'windows': ['1h', '24h', '7d'],
    'measures': measures,
    'expressions': {
        'merge_rate_7d': 'pull_requests_merged_count_7d::double precision '
        ~ '/ nullif(pull_requests_merged_count_7d + pull_requests_rejected_count_7d, 0)',
    },
} %}
{{ config(
    unique_key=['actor_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
