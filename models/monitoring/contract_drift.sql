{{ config(materialized='view') }}

{%- set newest_loads %}
        load_id in (
            select load_id from {{ source('headgate', 'loads') }}
            where status = 'landed'
            order by partition_start desc
            limit 100
        )
{%- endset %}

{{ contract_findings(newest_loads) }}
