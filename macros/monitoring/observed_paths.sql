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
with recursive landed as not materialized (

    select * from {{ landed }}
    where {{ in_loads(partitions) }}

),

loads as (

    select * from {{ source('headgate', 'loads') }}

),

-- arrays: one without a type is of a kind of its own, which = would not find
counted as (

    select
        load_id,
        array[record_type] as record_types,
        greatest(count(*) / {{ records }}, 1) as one_in
    from landed
    group by load_id, record_type

),

sampled as materialized (

    select
        row_number() over () as record_number,
        landed.load_id,
        coalesce({{ indexable('landed.record_type') }}, 'none') as record_type,
        {{ schema_generation('landed') }} as schema_generation,
        landed.record
    from landed
    inner join counted
        on
            landed.load_id = counted.load_id
            and array[landed.record_type] = counted.record_types
            and landed.line_number % counted.one_in = 0

),

walked as (

    select
        record_number,
        0 as depth,
        '' as path,
        jsonb_typeof(record) as json_type,
        record as container
    from sampled
    union all
    select
        walked.record_number,
        walked.depth + 1 as depth,
        walked.path || child.step as path,
        jsonb_typeof(child.value) as json_type,
        case when jsonb_typeof(child.value) in ('object', 'array') then child.value end as container
    from walked
    cross join lateral (
        select
            case when walked.depth > 0 then '.' else '' end
            || {{ contract_key_of('members.key') }} as step,
            members.value
        from jsonb_each(case when walked.json_type = 'object' then walked.container end) as members
        union all
        select
            '[]' as step,
            walked.container -> positions.position as value
        from generate_series(0, {{ elements - 1 }}) as positions (position)
        where walked.json_type = 'array' and walked.container -> positions.position is not null
    ) as child
    where walked.depth < {{ depth }} and walked.container is not null

),

-- a record counts once, however many elements of its arrays hold the path
seen as (

    select distinct
        record_number,
        path,
        json_type
    from walked
    where depth > 0

),

observed as (

    select
        sampled.load_id,
        sampled.record_type,
        sampled.schema_generation,
        {{ indexable('seen.path') }} as path,
        seen.json_type,
        count(*) as records_count
    from seen
    inner join sampled on seen.record_number = sampled.record_number
    group by sampled.load_id, sampled.record_type, sampled.schema_generation, 4, seen.json_type

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
    loads.partition_start,
    observed.load_id,
    observed.record_type,
    observed.schema_generation,
    observed.path,
    observed.json_type,
    observed.records_count,
    totals.sampled_count
from observed
inner join loads on observed.load_id = loads.load_id
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
