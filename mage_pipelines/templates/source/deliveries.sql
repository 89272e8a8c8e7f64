<# Template of stg_NAME__deliveries.sql. Values: name, entity. #>
{{ config(
    indexes=[{'columns': ['partition_start', 'line_number'], 'unique': true}],
    pre_hook=hash_joins_only(),
    post_hook=[
        'create unique index if not exists stg_${name}__deliveries_kept on {{ this }} (record_id) where is_kept',
        'create index if not exists stg_${name}__deliveries_dropped on {{ this }} (record_id) where not is_kept',
    ],
) }}

{%- set partitions = delivery_partitions('${name}', '${entity}') %}
{%- do waits_for(['gate_thresholds', 'contract_paths', '${name}_observed_paths']) %}
{{ builds(partitions) }}

{{ deliveries('${name}', '${entity}', partitions) }}
