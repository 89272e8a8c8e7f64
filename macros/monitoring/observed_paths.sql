{#
    What a sample of each load holds: path, JSON type, in how many records. The body of an incremental model; deterministic, because
    the line number decides which records are looked at.

    Args:
        landed: a FROM item with landed records, such as source('<source>', '<table>').
        schema_generation: macro that names the schema generation of a landed record, as orders_schema_generation does.
        partitions: what stale_partitions() returned.
        records: about how many records of each type and load are looked at.
        elements: how many elements of an array are looked at.
        depth: how many steps a path has at most.
#}
{% macro observed_paths(landed, schema_generation, partitions, records=50, elements=3, depth=8) -%}
with recursive landed as (

    select * from {{ landed }}
    where {{ in_loads(partitions) }}

),

loads as (

    select * from {{ source('headgate', 'loads') }}

),

counted as (

    select
        load_id,
        record_type,
        greatest(count(*) / {{ records }}, 1) as one_in
    from landed
    group by load_id, record_type

),

sampled as materialized (

    select
        loads.partition_start,
        landed.load_id,
        landed.line_number,
        coalesce({{ indexable('landed.record_type') }}, 'none') as record_type,
        {{ schema_generation('landed') }} as schema_generation,
        landed.record
    from landed
    inner join counted
        on
            landed.load_id = counted.load_id
            and landed.record_type is not distinct from counted.record_type
    inner join loads on landed.load_id = loads.load_id
    where landed.line_number % counted.one_in = 0

),

walked as (

    select
        partition_start,
        load_id,
        line_number,
        record_type,
        schema_generation,
        0 as depth,
        '' as path,
        record as value
    from sampled
    union all
    select
        walked.partition_start,
        walked.load_id,
        walked.line_number,
        walked.record_type,
        walked.schema_generation,
        walked.depth + 1 as depth,
        walked.path || child.step as path,
        child.value
    from walked
    cross join lateral (
        select
            case when walked.depth > 0 then '.' else '' end
            || {{ contract_key_of('members.key') }} as step,
            members.value
        from jsonb_each(case when jsonb_typeof(walked.value) = 'object' then walked.value end) as members
        union all
        select
            '[]' as step,
            walked.value -> positions.position as value
        from generate_series(0, {{ elements - 1 }}) as positions (position)
        where jsonb_typeof(walked.value) = 'array' and walked.value -> positions.position is not null
    ) as child
    where walked.depth < {{ depth }}

),

observed as (

    select
        partition_start,
        load_id,
        record_type,
        schema_generation,
        {{ indexable('path') }} as path,
        jsonb_typeof(value) as json_type,
        count(distinct line_number) as records_count
    from walked
    where depth > 0
    group by partition_start, load_id, record_type, schema_generation, path, jsonb_typeof(value)

),

totals as (

    select
        load_id,
        record_type,
        schema_generation,
        count(*) as sampled_count
    from sampled
    group by load_id, record_type, schema_generation

)

select
    observed.partition_start,
    observed.load_id,
    observed.record_type,
    observed.schema_generation,
    observed.path,
    observed.json_type,
    observed.records_count,
    totals.sampled_count
from observed
inner join totals
    on
        observed.load_id = totals.load_id
        and observed.record_type = totals.record_type
        and observed.schema_generation = totals.schema_generation
{%- endmacro %}

{# SQL of a text as an index takes it: a row of an index has at most 2,704 bytes, and keys of records may be of any length. What has
   more than 1,000 bytes is its beginning and its hash. #}
{% macro indexable(text) -%}
    case
        when octet_length({{ text }}) > 1000 then left({{ text }}, 200) || '...' || md5({{ text }})
        else {{ text }}
    end
{%- endmacro %}
