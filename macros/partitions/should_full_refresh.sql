{# As dbt's own, and for a table that holds rows although the ledger knows no partition of it: it was made anew since
   (`headgate migrate base`), so nothing says what those rows were built from. So for a feature view of which nothing says
   where its events entered, because it was not declared before. #}
{% macro should_full_refresh() -%}
    {{ return(dbt.should_full_refresh() or holds_unrecorded_rows() or lacks_entries()) }}
{%- endmacro %}

{# Whether the current model is a declared feature view that stands without its entries_table(). #}
{% macro lacks_entries() -%}
    {%- if execute and model.config.meta.feature_view and load_relation(this) -%}
        {%- set statement = "select to_regclass('" ~ entries_table() ~ "') is null as found" -%}
        {{ return(once('entries of ' ~ this, statement)[0].found) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{# Whether the current model is built by partitions and has rows, but none that the ledger knows of. #}
{% macro holds_unrecorded_rows() -%}
    {%- if execute and config.get('incremental_strategy') in partition_strategies() and load_relation(this) -%}
        {%- set statement -%}
            select
                not exists (select from ops.built_partitions where model = '{{ this.identifier }}')
                and exists (select from {{ this }}) as found
        {%- endset -%}
        {#- Asked before anything is built: what is decided then holds for the whole build of the model. -#}
        {{ return(once('rows of ' ~ this, statement)[0].found) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{# The incremental strategies of models that are built by partitions, which the ledger knows. #}
{% macro partition_strategies() -%}
    {{ return(['replace_partitions', 'replace_changed_rows']) }}
{%- endmacro %}
