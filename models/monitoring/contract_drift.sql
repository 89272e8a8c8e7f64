{{ config(materialized='view') }}

{{ contract_findings(newest_loads()) }}
