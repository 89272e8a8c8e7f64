{{ config(materialized='view') }}

{{ load_outcomes('predictions') }}
