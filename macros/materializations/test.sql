{# Gates as dbt has them, but failing rows are counted first, and kept in a table where there are any, which one statement makes and
   counts: a project has many gates, and most of what one costs is that table. #}
{% materialization test, adapter='postgres' -%}
    {%- if not should_store_failures() or config.get('store_failures_as') not in [none, 'table'] or waived_loads(model) -%}
        {{ return(materialization_test_default()) }}
    {%- elif looks_at_nothing() -%}
        {%- set none_failed = 'select 0 as failures, false as should_warn, false as should_error' -%}
        {%- set answer = once_table('none failed', none_failed) -%}
        {%- do store_raw_result('main', message='NOTHING NEW', code='SELECT', rows_affected=1, agate_table=answer) -%}
        {{ return({'relations': []}) }}
    {%- endif -%}
    {%- set stored = api.Relation.create(database=database, schema=schema, identifier=model.alias, type='table') -%}
    {%- set existing = adapter.get_relation(database=database, schema=schema, identifier=model.alias) -%}
    {%- set counts = [config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), none] -%}
    {%- set rows = get_limit_subquery_sql(sql, config.get('limit')) -%}
    {%- if existing is none and config.get('fail_calc') == 'count(*)' -%}
        {% call statement('main', fetch_result=True) -%}
            {{ get_test_sql(rows, *counts) }}
        {%- endcall %}
        {%- if load_result('main').table.rows[0].failures == 0 -%}
            {{ return({'relations': []}) }}
        {%- endif -%}
    {%- elif existing is not none and not existing.is_table -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {% call statement('main', fetch_result=True) -%}
        set local jit = off;
        {{ drop_table(stored) }};
        {{ get_create_sql(stored, rows) }}
        {{ get_test_sql('select * from ' ~ stored, *counts) }}
    {%- endcall %}
    {%- if load_result('main').table.rows[0].failures == 0 -%}
        {%- do adapter.drop_relation(stored) -%}
    {%- endif -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [stored]}) }}
{%- endmaterialization %}

{# Whether none of the rows that the current gate could name is to be looked at: it judges row by row, and
   all partitions have its verdict. What it warned of stays to be shown until it looks again, so that it has to then. #}
{% macro looks_at_nothing() -%}
    {{ return(
        (model.test_metadata or {}).name in [
            'accepted_values', 'not_null', 'relationships', 'unique', 'unique_combination_of_columns'
        ]
        and config.get('where') == 'uncertified'
        and config.get('severity') | lower == 'error'
        and ' where (false)) as dbt_subquery' in sql
    ) }}
{%- endmacro %}
