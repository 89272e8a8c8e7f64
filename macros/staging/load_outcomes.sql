{#
    What became of each load of a source: the counts of landing beside those of typing, and what people decided. The body
    of a view `stg_<source>__load_outcomes`.

    Args:
        source_name: source that declares the contract.
        known_types: seed of the record types that are known, with a column event_type, for a source whose unknown ones
            are counted; none for others.

    Use: {{ load_outcomes('invoices') }}
#}
{% macro load_outcomes(source_name, known_types=none) -%}
with loads as (

    select
        attempts.*,
        -- What typing holds of a partition is the landed load's, or should be nothing where that was discarded. Of
        -- a landed one whose records were removed by retention, nothing is asked.
        (attempts.status = 'landed' and attempts.expired_at is null) or (
            attempts.status = 'discarded'
            and not exists (
                select 1 from {{ source('headgate', 'loads') }} as other
                where
                    other.contract_source = attempts.contract_source
                    and other.partition_start = attempts.partition_start
                    and other.status = 'landed'
            )
        ) as is_current
    from {{ source('headgate', 'loads') }} as attempts
    where attempts.contract_source = '{{ source_name }}'

),

decisions as (

    select * from {{ source('headgate', 'record_decisions') }}

),

deliveries as (

    select * from {{ ref('stg_' ~ source_name ~ '__deliveries') }}

),

quarantine as (

    select * from {{ ref('stg_' ~ source_name ~ '__quarantine') }}

),
{%- if known_types %}

known_types as (

    select * from {{ known_types }}

),
{%- endif %}

joined as (

    select
        loads.load_id,
        loads.source as source_name,
        loads.partition_start,
        loads.partition_end,
        loads.status,
        loads.error,
        loads.lines_read,
        loads.rows_landed,
        loads.rows_rejected,
        loads.rows_repaired,
        case when loads.is_current then delivered.typed_count end as typed_count,
        case when loads.is_current then quarantined.quarantined_count end as quarantined_count,
        case when loads.is_current then delivered.duplicates_count end as duplicates_count,
        case when loads.is_current then quarantined.accepted_count end as accepted_count,
        case
            when loads.status = 'discarded' then loads.rows_landed
            when loads.status = 'landed' then quarantined.discarded_count
        end as discarded_count,
        {%- if known_types %}
        case when loads.is_current then delivered.unknown_types_count end as unknown_types_count,
        {%- endif %}
        loads.finished_at
    from loads
    left join lateral (
        select
            count(*) filter (where deliveries.is_kept) as typed_count,
            count(*) filter (where not deliveries.is_kept) as duplicates_count
            {%- if known_types %},
            count(*) filter (where deliveries.is_kept and known_types.event_type is null)
                as unknown_types_count
            {%- endif %}
        from deliveries
        {%- if known_types %}
        left join known_types on deliveries.event_type = known_types.event_type
        {%- endif %}
        where loads.is_current and deliveries.partition_start = loads.partition_start
    ) as delivered on true
    left join lateral (
        select
            count(*) filter (where decisions.decision is distinct from 'discarded') as quarantined_count,
            count(*) filter (where decisions.decision = 'accepted') as accepted_count,
            count(*) filter (where decisions.decision = 'discarded') as discarded_count
        from quarantine
        left join decisions
            on decisions.load_id = loads.load_id and quarantine.line_number = decisions.line_number
        where loads.is_current and quarantine.partition_start = loads.partition_start
    ) as quarantined on true

)

select * from joined
{%- endmacro %}
