{#
    Every record of a source that keeps its contract, once per delivery, and which delivery is kept: the latest one. The
    body of a model `stg_<source>__deliveries`.

    Args:
        source_name, table_name: the landing table that carries the contract.
        partitions: what delivery_partitions() returned.
#}
{% macro deliveries(source_name, table_name, partitions) -%}
with landed as (

    {{ landed_records(source_name, table_name, partitions) }}

),

-- What lands again as it was, for instance under a corrected declaration, keeps its place among deliveries.
loads as (

    select
        load_id,
        partition_start,
        status,
        case
            when content_sha256 is null then load_id
            else min(load_id) over (partition by content_sha256)
        end as first_load_id
    from {{ source('headgate', 'loads') }}
    where contract_source = '{{ source_name }}'

),

quarantine as (

    select * from {{ ref('stg_' ~ source_name ~ '__quarantine') }}
    where {{ in_partitions(partitions) }}

),

accepted as (

    select
        loads.first_load_id,
        loads.partition_start,
        landed.line_number,
        landed.record_id,
        landed.record_type,
        landed.recorded_at
    from landed
    inner join loads on landed.load_id = loads.load_id
    left join quarantine
        on loads.partition_start = quarantine.partition_start and landed.line_number = quarantine.line_number
    where quarantine.line_number is null

),

-- The latest delivery of a record wins: of the load that landed last, whatever times its records have, and in it of
-- the last line.
ranked as (

    select
        accepted.*,
        row_number() over (partition by record_id order by first_load_id desc, line_number desc)
        = 1 as is_last
    from accepted

),

decided as (

    select
        ranked.partition_start,
        ranked.line_number,
        ranked.record_id,
        ranked.record_type,
        {{ is_kept_delivery('ranked', partitions, loads='loads') }} as is_kept,
        ranked.recorded_at
    from ranked

)

select * from decided
{%- endmacro %}
