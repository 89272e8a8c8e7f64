{# Incremental models as dbt has them, but one that is built by partitions and has none to build is left as it stands, without the
   twenty statements that come to nothing. #}
{% materialization incremental, adapter='postgres' -%}
    {%- if stands_as_it_is() -%}
        {%- call noop_statement('main', 'NOTHING NEW') -%}{%- endcall -%}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {%- endif -%}
    {{ return(materialization_incremental_default()) }}
{%- endmaterialization %}

{# Whether building the current model would change nothing: it has no partition to build, its SQL gives no column that its table
   lacks, and no grant or comment is to be set. #}
{% macro stands_as_it_is() -%}
    {%- if (
        config.get('incremental_strategy') not in partition_strategies()
        or is_dry_run()
        or '-- headgate builds:' not in model.compiled_code
        or built_by(model.compiled_code)
        or config.get('grants')
        or config.get('persist_docs')
        or not is_incremental()
    ) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(model.compiled_code) -%}
    {%- endif -%}
    {%- set statement -%}
        create temporary view as_it_would_be as (
            {{ model.compiled_code }}
        );
        select not exists (
            select attname from pg_attribute where attrelid = to_regclass('pg_temp.as_it_would_be')
            except
            select attname from pg_attribute where attrelid = to_regclass('{{ this }}') and not attisdropped
        ) as found
    {%- endset -%}
    {%- set found = run_query(statement).rows[0].found -%}
    {%- do run_query('rollback') -%}
    {{ return(found) }}
{%- endmacro %}
