{#
    Of a view `stg_<source>__load_outcomes`: the share of a load's lines that could not land stays under the policy in seed
    gate_thresholds. Pins down a file of another format, or a source that changed: rejects are kept one by one, and nobody
    looks.

    Args:
        deliveries: the model `stg_<source>__deliveries`, whose uncertified loads are looked at.
#}
{% test rejects_stay_small(model, deliveries) %}

    with outcomes as (

        select * from {{ model }}
        where
            status = 'landed'
            and {{ uncertified(deliveries) }}

    ),

    thresholds as (

        select * from {{ ref('gate_thresholds') }}
        where gate = 'rejected_share'

    )

    select
        outcomes.load_id,
        outcomes.source_name,
        outcomes.partition_start,
        outcomes.lines_read,
        outcomes.rows_rejected
    from outcomes
    cross join thresholds
    where
        outcomes.rows_rejected > thresholds.maximum * outcomes.lines_read
        -- A load may hold a single message: one that is odd must not stop all that follows.
        and outcomes.rows_rejected >= thresholds.minimum

{% endtest %}
