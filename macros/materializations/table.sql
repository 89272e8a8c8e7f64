{# Tables as dbt has them, but the one that stood is dropped in the transaction that brings the new one, and not after it: where two
   runs build a table at once, the second would find it in its way under the name that dbt gives it meanwhile. #}
{% materialization table, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and not existing.is_table -%}
        {{ return(materialization_table_default()) }}
    {%- endif -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set built = make_intermediate_relation(target) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {{ drop_table(built) }};
        {{ get_create_table_as_sql(False, built, sql) }}
    {%- endcall %}
    {% do create_indexes(built) %}
    {% call statement() -%}
        {{ drop_table(target) }};
        {{ get_rename_table_sql(built, target.identifier) }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) %}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{%- endmaterialization %}
