{#
    Findings of contract_drift that fulfil a condition, in loads whose observed paths have not passed their gates yet: the
    whole of a gate.

    Args:
        condition: SQL over the columns of contract_drift, for instance "finding = 'new path'".
#}
{% macro uncertified_findings(condition) -%}
select
    partition_start,
    finding,
    record_type,
    path,
    explanation
from {{ ref('contract_drift') }}
where
    {{ condition }}
    and (
        {%- for source_name in observed_sources() %}
        (source_name = '{{ source_name }}' and {{ uncertified(source_name ~ '_observed_paths') }})
        {{ 'or' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
