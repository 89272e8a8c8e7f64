{{ config(materialized='view') }}

{{ load_outcomes('gharchive', known_types=ref('gharchive_event_types')) }}
