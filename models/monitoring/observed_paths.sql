{{ config(materialized='view') }}

{% for source_name in observed_sources() %}
select
    '{{ source_name }}' as source_name,
    partition_start,
    load_id,
    record_type,
    schema_generation,
    path,
    json_type,
    records_count,
    sampled_count
from {{ ref(source_name ~ '_observed_paths') }}
{{ 'union all' if not loop.last }}
{% endfor %}
