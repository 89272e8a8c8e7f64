{#
    As dbt's own, which every materialization calls. Marks what was made, in its transaction. In a dry run, the last that happens in the transaction of a model or
    seed undoes it, and what would run outside of it is left out. The columns of what was built go to the empty table that
    stands in for it.
#}
{% macro run_hooks(hooks, inside_transaction=True) -%}
    {%- if inside_transaction or not is_dry_run() -%}
        {{ dbt.run_hooks(hooks, inside_transaction) }}
        {%- if hooks is sameas post_hooks and inside_transaction -%}
            {%- do keep_columns_only() if is_dry_run() else mark_own_relation() -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Undoes the transaction of the current model or seed, and keeps its columns for what reads it later in the dry run. #}
{% macro keep_columns_only() -%}
    {%- set columns = run_query(
        "select quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) as definition from pg_attribute"
        ~ " where attrelid = '" ~ this ~ "'::regclass and attnum > 0 and not attisdropped order by attnum"
    ).rows | map(attribute='definition') | join(', ') -%}
    {%- set stand_in = dry_run_relation(this.schema, this.identifier) -%}
    {%- do run_query('rollback') -%}
    {%- do run_query('drop table if exists ' ~ stand_in ~ '; create table ' ~ stand_in ~ ' (' ~ columns ~ ')') -%}
{%- endmacro %}
