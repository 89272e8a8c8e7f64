{{ config(
    indexes=[{'columns': ['partition_start', 'line_number'], 'unique': true}],
    pre_hook=hash_joins_only(),
    post_hook=[
        'create unique index if not exists stg_predictions__deliveries_kept on {{ this }} (record_id) where is_kept',
        'create index if not exists stg_predictions__deliveries_dropped on {{ this }} (record_id) where not is_kept',
    ],
) }}

{%- set partitions = delivery_partitions('predictions', 'answers') %}
{%- do waits_for(['gate_thresholds', 'contract_paths', 'predictions_observed_paths']) %}
{{ builds(partitions) }}

{{ deliveries('predictions', 'answers', partitions) }}
