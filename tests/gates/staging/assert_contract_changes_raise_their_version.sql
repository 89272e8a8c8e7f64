-- A version of a contract means one thing for ever: what was typed under it can be told from what was not.
-- Pins down a contract that was changed in place; looked at before anything is typed.
{%- set contracts = [] %}
{%- for source in (graph.sources or {}).values() if source.config.meta.contract %}
{%- do contracts.append((source.source_name, source.config.meta.contract)) %}
{%- endfor %}
-- Waits for: {{ ref('contract_paths') }}
with declared as (

    {%- for source_name, contract in contracts %}
    select
        '{{ source_name }}' as source_name,
        {{ contract.version }} as version,
        {{ quoted_text(tojson(contract)) }}::jsonb as contract
    {{- ' union all' if not loop.last }}
    {%- else %}
    select
        null::text as source_name,
        null::integer as version,
        null::jsonb as contract
    {%- endfor %}

),

used as (

    select * from {{ source('headgate', 'contracts') }}

),

-- A contract's promises as rows, without words.
promises as (

    select
        declared.source_name,
        declared.version,
        'declared' as side,
        promise.value - 'description' as promise
    from declared
    cross join
        lateral jsonb_array_elements(
            (declared.contract -> 'paths') || (declared.contract - 'paths' - 'version')
        ) as promise (value)
    union all
    select
        used.source as source_name,
        used.version,
        'used' as side,
        promise.value - 'description' as promise
    from used
    inner join declared on used.source = declared.source_name and used.version = declared.version
    cross join
        lateral jsonb_array_elements((used.contract -> 'paths') || (used.contract - 'paths' - 'version'))
            as promise (value)

)

select
    source_name,
    version,
    promise,
    min(side) as stands_only_in,
    'the contract of ' || source_name || ' changed without raising its version. Next: set version '
    || version + 1 || ' and run `headgate plan`' as explanation
from promises
where
    exists (
        select 1 from used
        where used.source = promises.source_name and used.version = promises.version
    )
group by source_name, version, promise
having count(distinct side) = 1
