{#
    Fails for each partition of which a staging model holds another number of records than the source's deliveries keep.

    Args:
        model_name: the model's name.
        deliveries: the model `stg_<source>__deliveries`.
        record_types: kinds of records that the model is about; none for all.
#}
{% test holds_every_kept_record(model, model_name, deliveries, record_types=none) %}

    with kept as (

        select
            partition_start,
            count(*) as kept_count
        from {{ ref(deliveries) }}
        where
            is_kept
            and {{ uncertified(model_name) }}
            {%- if record_types %}
            and record_type in ('{{ record_types | join("', '") }}')
            {%- endif %}
        group by partition_start

    ),

    typed as (

        select
            partition_start,
            count(*) as typed_count
        from {{ model }}
        group by partition_start

    )

    select *
    from kept
    full join typed using (partition_start)
    where kept.kept_count is distinct from typed.typed_count

{% endtest %}
