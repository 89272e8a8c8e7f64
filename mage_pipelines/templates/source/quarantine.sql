<# Template of stg_NAME__quarantine.sql. Values: name, entity, time_path. #>
{{ config(
    indexes=[{'columns': ['partition_start', 'line_number'], 'unique': true}],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(source_name='${name}') %}
{{ builds(partitions) }}

{{ quarantined_records(
    '${name}', '${entity}', partitions,
    schema_generations=['first'], schema_generation=${name}_schema_generation, time_path=${time_path | jinja},
) }}
