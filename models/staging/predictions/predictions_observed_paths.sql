{{ config(
    schema='monitoring',
    indexes=[{'columns': ['partition_start']}, {'columns': ['record_type', 'path', 'load_id']}],
) }}

{%- set partitions = stale_partitions(source_name='predictions') %}
{{ builds(partitions) }}

{{ observed_paths(source('predictions', 'answers'), predictions_schema_generation, partitions) }}
