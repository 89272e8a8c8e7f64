{#
    Views as dbt has them, but replaced in place, so that what reads them never misses them, views upon them stay, and two runs
    at once do the same twice. Only where columns go, or change name or type, is a view dropped with those upon it, as by dbt's own.
#}
{% materialization view, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and not existing.is_view -%}
        {{ return(materialization_view_default()) }}
    {%- endif -%}
    {%- set target = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        create temporary view view_to_be as (
            {{ sql }}
        );
        do $columns$
        begin
            if exists ({{ columns_of(target) }} except {{ columns_of('view_to_be') }}) then
                drop view {{ target }} cascade;
            end if;
        end
        $columns$;
        drop view pg_temp.view_to_be;
        {{ get_create_view_as_sql(target, sql) | replace('create view', 'create or replace view', 1) }}
    {%- endcall %}
    {% do apply_grants(target, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=False)) %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{# What `create or replace view` leaves as it is: place, name and type of each column; nothing of a view that is not there. #}
{% macro columns_of(relation) -%}
    select attnum, attname, atttypid, atttypmod, attcollation
    from pg_attribute
    where attrelid = to_regclass('{{ relation }}') and attnum > 0
{%- endmacro %}
