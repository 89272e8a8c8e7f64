{# on-run-start: makes the schema of a dry run, with an empty table of each relation that there is, and drops what killed
   dry runs left more than a day ago. #}
{% macro begin_dry_run() -%}
    {%- if execute and is_dry_run() -%}
    {%- do log('--empty: a dry run. Every statement runs on no rows; nothing is changed or recorded.', info=true) -%}
    {%- set yesterday = 'headgate_dry_run_' ~ (run_started_at - modules.datetime.timedelta(days=1)).strftime('%Y%m%d%H%M%S') -%}
    create schema {{ dry_run_schema() }};
    do $dry_run$
    declare
        abandoned text;
    begin
        for abandoned in
            select nspname from pg_namespace where nspname like 'headgate\_dry\_run\_%' and nspname < '{{ yesterday }}'
        loop
            execute format('drop schema %I cascade', abandoned);
        end loop;
        {%- for node in dry_run_nodes() %}
        {%- set relation = api.Relation.create(schema=node.schema, identifier=node.identifier or node.alias or node.name) %}
        if to_regclass('{{ relation }}') is not null then
            create table {{ dry_run_relation(relation.schema, relation.identifier) }} as select * from {{ relation }} with no data;
        end if;
        {%- endfor %}
    end
    $dry_run$
    {%- endif -%}
{%- endmacro %}

{# What can be read with ref() and source(), from the graph. #}
{% macro dry_run_nodes() -%}
    {% set nodes = graph.sources.values() | list %}
    {% for node in graph.nodes.values() if node.resource_type in ('model', 'seed', 'snapshot') %}
        {% do nodes.append(node) %}
    {% endfor %}
    {{ return(nodes) }}
{%- endmacro %}

{# on-run-end: drops the schema of a dry run. #}
{% macro end_dry_run() -%}
    {%- if execute and is_dry_run() -%}
    drop schema if exists {{ dry_run_schema() }} cascade
    {%- endif -%}
{%- endmacro %}
