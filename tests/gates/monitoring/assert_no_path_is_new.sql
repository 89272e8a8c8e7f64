-- No record type has a path that it had in no load before. Warns: what is new is landed and kept, and not
-- typed until the contract declares it.
{{ config(severity='warn') }}

{{ uncertified_findings("finding = 'new path'") }}
