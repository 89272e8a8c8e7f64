{#
    on-run-end: makes the view contract_drift where a gate kept dbt from it. It goes with contract_paths and observed_paths, which
    are made anew in each build, and it is what tells why that gate failed.
#}
{% macro restore_contract_drift() -%}
    {#- Told to dbt while it parses. -#}
    {%- set drift = ref('contract_drift').include(database=false) -%}
    {%- set needed = [ref('observed_paths'), ref('contract_paths'), ref('gate_thresholds')] -%}
    {%- do source('headgate', 'loads') -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'run') -%}
        {%- set standing = [] -%}
        {%- for relation in needed -%}
            {%- do standing.append("to_regclass('" ~ relation.include(database=false) ~ "')") -%}
        {%- endfor -%}
        {%- set is_missing %}
        select to_regclass('{{ drift }}') is null and num_nulls({{ standing | join(', ') }}) = 0 as found
        {%- endset -%}
        {%- if run_query(is_missing).rows[0].found %}
    create view {{ drift }} as
    {{ contract_findings(newest_loads()) }};
    select ops.hand_over('{{ drift }}'::regclass);
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# A condition on rows with a load: it is one of the newest hundred. #}
{% macro newest_loads() -%}
    load_id in (
            select load_id from {{ source('headgate', 'loads') }}
            where status = 'landed'
            order by partition_start desc
            limit 100
        )
{%- endmacro %}
