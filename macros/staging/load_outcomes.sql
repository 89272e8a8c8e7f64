{#
    What became of each load of a source: the counts of landing beside those of typing. The body of a view
    `stg_<source>__load_outcomes`.

    Args:
        source_name: source that declares the contract.
        known_types: seed of the record types that are known, with a column event_type, for a source whose unknown ones
            are counted; none for others.

    Use: {{ load_outcomes('invoices') }}
#}
{% macro load_outcomes(source_name, known_types=none) -%}
with loads as (

    select * from {{ source('headgate', 'loads') }}
    where contract_source = '{{ source_name }}'

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
        case when loads.status = 'landed' then delivered.typed_count end as typed_count,
        case when loads.status = 'landed' then quarantined.quarantined_count end as quarantined_count,
        case when loads.status = 'landed' then delivered.duplicates_count end as duplicates_count,
        {%- if known_types %}
        case when loads.status = 'landed' then delivered.unknown_types_count end as unknown_types_count,
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
        where loads.status = 'landed' and deliveries.partition_start = loads.partition_start
    ) as delivered on true
    left join lateral (
        select count(*) as quarantined_count
        from quarantine
        where loads.status = 'landed' and quarantine.partition_start = loads.partition_start
    ) as quarantined on true

)

select * from joined
{%- endmacro %}
