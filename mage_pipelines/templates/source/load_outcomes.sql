<# Template of stg_NAME__load_outcomes.sql. Values: name. #>
{{ config(materialized='view') }}

{{ load_outcomes('${name}') }}
