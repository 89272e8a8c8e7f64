{{ config(indexes=[{'columns': ['partition_start']}, {'columns': ['record_type', 'path']}]) }}

{%- set partitions = stale_partitions() %}
{{ builds(partitions) }}

{{ observed_paths(source('gharchive', 'events'), gharchive_schema_generation, partitions) }}
