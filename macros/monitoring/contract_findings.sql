{#
    What the samples of some loads hold against the contracts of their sources: the body of a model or a gate. Costs what
    these loads cost, not the history; only whether a path was seen before is looked up in it.

    Args:
        loads: SQL over the columns of observed_paths that chooses the loads.
        observed: FROM item with the observed paths to look at; those of all sources by default.
        history: FROM item with the observed paths of all loads; those of all sources by default.
#}
{% macro contract_findings(loads, observed=none, history=none) -%}
with observed as (

    select
        observed.*,
        {{ contract_parent_of('observed.path') }} as parent_path
    from {{ observed or ref('observed_paths') }} as observed
    where {{ loads }}

),

declared as (

    select
        declared.*,
        -- Positions of an array are not told apart in what is observed.
        {{ contract_path_observed('declared.path') }} as observed_path,
        {{ contract_parent_of(contract_path_observed('declared.path')) }} as parent_path,
        case
            {%- for name in ['integer', 'timestamp', 'date'] + epoch_units() | list %}
            when declared.json_type = '{{ name }}' then {{ text_array(contract_json_types(name)) }}
            {%- endfor %}
            else array[declared.json_type]
        end as observed_types
    from {{ ref('contract_paths') }} as declared

),

thresholds as (

    select * from {{ ref('gate_thresholds') }}
    where gate = 'contract_drift'

),

-- Record types as they were sampled.
sampled as (

    select distinct
        source_name,
        partition_start,
        load_id,
        record_type,
        schema_generation,
        sampled_count
    from observed

),

undeclared_generations as (

    {{ undeclared_generations('sampled', 'declared') }}

),

missing_paths as (

    {{ missing_paths('sampled', 'declared', 'observed') }}

),

changed_types as (

    {{ changed_types('sampled', 'declared', 'observed') }}

),

new_paths as (

    {{ new_paths('sampled', 'declared', 'observed', history or ref('observed_paths')) }}

),

found as (

    select * from undeclared_generations
    union all
    select * from missing_paths
    union all
    select * from changed_types
    union all
    select * from new_paths

)

select
    found.source_name,
    found.partition_start,
    found.load_id,
    found.record_type,
    found.schema_generation,
    found.finding,
    found.path,
    found.expected,
    found.found,
    found.records_count::bigint as records_count,
    found.sampled_count,
    {{ drift_explanation('found') }} as explanation
from found
cross join thresholds
where
    found.records_count > thresholds.maximum * found.sampled_count
    and found.records_count >= thresholds.minimum
{%- endmacro %}
