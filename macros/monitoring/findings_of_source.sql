{#
    What the observed paths of one source hold against its contract, as far as it fulfils a condition: the body of a gate on
    `<source>_observed_paths`. It reads that source's paths alone, so that it stops no other source.

    Args:
        source_name: the source, for instance 'orders'.
        observed: FROM item with the observed paths to look at: the gate's model.
        condition: SQL over the columns of contract_drift, for instance "finding = 'new path'".
#}
{% macro findings_of_source(source_name, observed, condition) -%}
{%- set named = "(select '" ~ source_name ~ "' as source_name, observed_paths.* from (select * from {}) as observed_paths)" -%}
with findings as (

    {{ contract_findings('true', named.format(observed), named.format(ref(source_name ~ '_observed_paths'))) }}

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
