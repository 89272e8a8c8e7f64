{%- set measures = {
    'first_seen_at': {'of': 'first_event_at', 'operations': ['min'], 'windows': ['lifetime'], 'as': 'first_seen_at'},
} %}
{%- set counts = ['events_count'] %}
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
    'keys': ['actor_id', 'repository_id'],
    'at': 'hour',
    'windows': ['24h', '7d', '30d'],
    'measures': measures,
    'expressions': {
        'merge_rate_30d': 'pull_requests_merged_count_30d::double precision '
        ~ '/ nullif(pull_requests_merged_count_30d + pull_requests_rejected_count_30d, 0)',
    },
} %}
{{ config(
    unique_key=['actor_id', 'repository_id', 'as_of'],
    indexes=[{'columns': ['as_of']}],
    pre_hook=hash_joins_only(),
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
