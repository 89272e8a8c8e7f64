{#
    on-run-end: makes the view contract_drift where a gate kept dbt from it. It goes with contract_paths and observed_paths, which
    are made anew in each build, and it is what tells why that gate failed.
#}
{% macro restore_contract_drift() -%}
    {#- Told to dbt while it parses. -#}
    {%- set drift = ref('contract_drift') -%}
    {%- set needed = [ref('observed_paths'), ref('contract_paths'), ref('gate_thresholds'), source('headgate', 'loads')] -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'run') -%}
        {%- set missing = [] -%}
        {%- for relation in needed if not is_standing(relation) -%}
            {%- do missing.append(relation) -%}
        {%- endfor -%}
        {%- if not missing and not is_standing(drift) %}
    create view {{ drift.include(database=false) }} as
    {{ contract_findings(newest_loads()) }};
    select ops.hand_over('{{ drift.include(database=false) }}'::regclass);
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether a relation stands in the database, whatever dbt's cache believes. #}
{% macro is_standing(relation) -%}
    {{ return(run_query("select to_regclass('" ~ relation.include(database=false) ~ "') is not null as found").rows[0].found) }}
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
