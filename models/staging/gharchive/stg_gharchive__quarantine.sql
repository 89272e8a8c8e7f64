{{ config(
    indexes=[{'columns': ['partition_start', 'line_number'], 'unique': true}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions() %}
{{ builds(partitions) }}

{{ quarantined_records(
    'gharchive', 'events', partitions,
    schema_generations=['timeline', 'events_early', 'events_unlinked', 'events', 'events_slim', 'webhooks'],
    schema_generation=gharchive_schema_generation,
) }}
