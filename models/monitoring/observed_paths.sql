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
{% else %}
select
    null::text as source_name,
    null::timestamptz as partition_start,
    null::bigint as load_id,
    null::text as record_type,
    null::text as schema_generation,
    null::text as path,
    null::text as json_type,
    null::bigint as records_count,
    null::bigint as sampled_count
where false
{% endfor %}
