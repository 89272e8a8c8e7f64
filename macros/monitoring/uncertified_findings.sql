{#
    Findings that fulfil a condition, in loads whose observed paths have not passed their gates yet: the whole of a gate
    on contract_drift, which has the newest loads only.

    Args:
        condition: SQL over the columns of contract_drift, for instance "finding = 'new path'".
#}
{% macro uncertified_findings(condition) -%}
{%- do waits_for(['contract_drift']) -%}
{%- set loads %}
        {%- for source_name in observed_sources() %}
        (source_name = '{{ source_name }}' and {{ uncertified(source_name ~ '_observed_paths') }})
        {{ 'or' if not loop.last }}
        {%- endfor %}
{%- endset -%}
with findings as (

    {{ contract_findings(loads) }}

)

select
    source_name,
    load_id,
    partition_start,
    finding,
    record_type,
    path,
    explanation
from findings
where {{ condition }}
{%- endmacro %}
