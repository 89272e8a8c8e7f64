{# Incremental models as dbt has them. One that is built by partitions is added to by no more statements than that takes, and left as
   it stands where it has none to build: most of what a small build costs is statements that come to nothing. #}
{% materialization incremental, adapter='postgres' -%}
    {%- if stands_as_it_is() -%}
        {%- call noop_statement('main', 'NOTHING NEW') -%}{%- endcall -%}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {%- elif config.get('incremental_strategy') not in partition_strategies() or not is_incremental() -%}
        {{ return(materialization_incremental_default()) }}
    {%- endif -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set computed = make_temp_relation(target) -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% do run_query(get_create_table_as_sql(True, computed, sql)) %}
    {% set columns = process_schema_changes(on_schema_change, computed, target) or adapter.get_columns_in_relation(target) %}
    {% call statement('main') %}
        {{ strategy({
            'target_relation': target, 'temp_relation': computed, 'unique_key': config.get('unique_key'), 'dest_columns': columns
        }) }}
    {% endcall %}
    {% do apply_grants(target, config.get('grants'), should_revoke=should_revoke(target, full_refresh_mode=False)) %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
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
