{{ config(indexes=[{'columns': ['partition_start']}, {'columns': ['record_type', 'path', 'load_id']}]) }}

{%- set partitions = stale_partitions() %}
{#- Webhooks deliver much that nobody declares, such as whole repositories. -#}
{%- set sampled = partitions | rejectattr('source', 'equalto', 'github_webhooks') | list %}
{%- set landed = '(' ~ landed_records('gharchive', 'events', sampled) ~ ') as landed' %}
{{ builds(partitions) }}

{{ observed_paths(landed, gharchive_schema_generation, sampled) }}
