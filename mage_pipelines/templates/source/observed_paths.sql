<# Template of models/staging/NAME/NAME_observed_paths.sql. Values: name, entity. #>
{{ config(
    schema='monitoring',
    indexes=[{'columns': ['partition_start']}, {'columns': ['record_type', 'path', 'load_id']}],
) }}

{%- set partitions = stale_partitions(source_name='${name}') %}
{{ builds(partitions) }}

{{ observed_paths(source('${name}', '${entity}'), ${name}_schema_generation, partitions) }}
