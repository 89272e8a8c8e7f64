{{ config(
    indexes=[{'columns': ['partition_start', 'line_number'], 'unique': true}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(source_name='predictions') %}
{{ builds(partitions) }}

{{ quarantined_records(
    'predictions', 'answers', partitions,
    schema_generations=['first'], schema_generation=predictions_schema_generation, time_path='at',
) }}
