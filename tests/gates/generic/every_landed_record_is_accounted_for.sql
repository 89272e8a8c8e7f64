{# Of a view `stg_<source>__load_outcomes`: every landed record is typed once, quarantined, a counted duplicate or
   discarded by somebody, and every line that was read was landed or rejected. Nothing of a discarded load is typed. #}
{% test every_landed_record_is_accounted_for(model) %}
select
    load_id,
    partition_start,
    lines_read,
    rows_landed,
    rows_rejected,
    typed_count,
    quarantined_count,
    duplicates_count,
    discarded_count
from {{ model }}
where
    typed_count is not null
    and (
        rows_landed <> typed_count + quarantined_count + duplicates_count + discarded_count
        or lines_read <> rows_landed + rows_rejected
    )
{% endtest %}
