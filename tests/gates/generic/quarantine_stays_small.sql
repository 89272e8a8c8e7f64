{# Of a view `stg_<source>__load_outcomes`: the share of a load's records that break the contract is at most `share`;
   fewer than `minimum` pass, for a load may hold a single message. What somebody accepted does not count. #}
{% test quarantine_stays_small(model, share=0.05, minimum=5) %}
select
    load_id,
    partition_start,
    rows_landed,
    quarantined_count,
    accepted_count
from {{ model }}
where
    status = 'landed'
    and quarantined_count - accepted_count > {{ share }} * rows_landed
    and quarantined_count - accepted_count >= {{ minimum }}
{% endtest %}
